import { NetworkError } from "@slimsr/core/internal/errors.js";

/** @throws NetworkError where sums over activations overflowed, or a weight is no number */
export function requireFinite(sums: Float64Array | Float32Array, what: string): void {
  if (sums.every(Number.isFinite)) return;
  throw new NetworkError(
    `${what} overflows float32 on the calibration images: weights up to there are too large or no numbers; check the file, and the range of its images`,
  );
}
