import { leastErrorScales } from "@slimsr/core/internal/quantisation/integers.js";
import type { IntegerConvolution } from "@slimsr/core/internal/quantisation/qdq.js";
import { cholesky } from "../slimming/linear-algebra/cholesky.js";
import { fromRows, toRows } from "../slimming/refitting/normal-equations.js";

export interface RoundingOptions {
  /** Taps of the kernel. */
  readonly taps: number;
  /** The largest code, of either sign. */
  readonly largest: number;
  readonly inputScale: number;
  /** Damping relative to the features' mean energy. */
  readonly ridge: number;
}

/**
 * A convolution's weights as integers, one after another: what a weight loses by its rounding, those after it make up for as far as
 * their inputs are like its (Frantar et al. 2023, GPTQ, section 3). With H = Σ a·aᵀ and H⁻¹ = Uᵀ·U, U upper triangular, weight j's
 * error e = (w_j − q_j) / U_jj takes e · U_jk from each later weight k. The bias comes last and stays a number.
 * @param gram H of the features a, [F, F], tap by tap, the constant last
 */
export function roundedRows(
  { weight, bias }: { readonly weight: Float32Array; readonly bias: Float32Array },
  gram: Float64Array,
  { taps, largest, inputScale, ridge }: RoundingOptions,
): IntegerConvolution {
  const filters = bias.length;
  const features = weight.length / filters + 1;
  const rows = toRows({ weight, bias }, filters, features, taps);
  const inverse = inverseFactor(gram, features, ridge);
  const importance = Float64Array.from({ length: features - 1 }, (_, f) => gram[f * (features + 1)] as number);
  const scales = leastErrorScales(rows, importance, largest, inputScale);
  for (let o = 0; o < filters; o++) {
    const row = rows.subarray(o * features, (o + 1) * features);
    const scale = scales[o] as number;
    for (let j = 0; j < features - 1; j++) {
      const w = row[j] as number;
      const code = Math.max(-largest, Math.min(largest, Math.round(w / scale)));
      const error = (w - code * scale) / (inverse[j * features + j] as number);
      row[j] = code;
      for (let k = j + 1; k < features; k++) {
        row[k] = (row[k] as number) - error * (inverse[j * features + k] as number);
      }
    }
  }
  const { weight: codes, bias: own } = fromRows(rows, filters, features, taps, true);
  return { codes: Int8Array.from(codes), scales, bias: own as Float32Array };
}

/** U, upper triangular with Uᵀ·U = (H + λ·I)⁻¹. */
function inverseFactor(gram: Float64Array, n: number, ridge: number): Float64Array {
  let energy = 0;
  for (let i = 0; i < n; i++) energy += gram[i * n + i] as number;
  for (let factor = ridge; ; factor *= 10) {
    const damped = gram.slice();
    const least = Math.max((factor * energy) / n, Number.EPSILON);
    for (let i = 0; i < n; i++) damped[i * n + i] = (damped[i * n + i] as number) + least;
    const solver = cholesky(damped, n);
    if (!solver) continue;
    const inverse = new Float64Array(n * n);
    for (let i = 0; i < n; i++) inverse[i * n + i] = 1;
    solver.solve(inverse);
    // In place it becomes L with H⁻¹ = L·Lᵀ, mirrored: its upper triangle is Lᵀ.
    if (cholesky(inverse, n)) return inverse;
  }
}
