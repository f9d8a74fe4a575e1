import type { Moments } from "../../calibration/moments.js";
import { multiply, traceOf } from "../linear-algebra/matrices.js";

/** A channel with less than this share of the energy left is taken to be predicted by those before it. */
const LEAST_ENERGY = 1e-9;

/**
 * Channels that are kept one by one, and what the output lacks without the others when these are predicted linearly from those
 * that are kept. With P the second moment of the channels, Q that of the output's gradient with respect to them and R what of P
 * the kept ones don't predict, the output lacks tr(Q·R), summed over the places where the channels are read.
 */
export class Selection {
  /** R and Q·R at each place. */
  readonly #places: readonly { readonly left: Float64Array; readonly effect: Float64Array; readonly least: number }[];

  constructor(
    taps: readonly Pick<Moments, "second" | "gradient">[],
    private readonly n: number,
  ) {
    this.#places = taps.map(({ second, gradient }) => ({
      left: second.slice(),
      effect: multiply(gradient, second, n),
      least: LEAST_ENERGY * traceOf(second, n),
    }));
  }

  /** By how much keeping channel c as well lowers tr(Q·R): (R·Q·R)cc / Rcc. */
  gain(c: number): number {
    const { n } = this;
    return this.#places.reduce((sum, { left, effect, least }) => {
      const energy = left[c * n + c] as number;
      if (!(energy > least)) return sum;
      let product = 0;
      for (let i = 0; i < n; i++) product += (left[i * n + c] as number) * (effect[i * n + c] as number);
      return sum + product / energy;
    }, 0);
  }

  /** Keeps channel c: R ← R − r·rᵀ/Rcc with r its column. */
  add(c: number): void {
    const { n } = this;
    for (const { left, effect, least } of this.#places) {
      const energy = left[c * n + c] as number;
      if (!(energy > least)) continue;
      const row = left.slice(c * n, (c + 1) * n);
      for (const matrix of [left, effect]) {
        for (let i = 0; i < n; i++) {
          const factor = (matrix[i * n + c] as number) / energy;
          for (let j = 0; j < n; j++) matrix[i * n + j] = (matrix[i * n + j] as number) - factor * (row[j] as number);
        }
      }
    }
  }
}
