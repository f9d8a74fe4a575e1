import { requireFinite } from "../../calibration/finite.js";
import type { Cholesky } from "../linear-algebra/cholesky.js";
import { damped } from "../linear-algebra/damped.js";
import { addScaled } from "../linear-algebra/matrices.js";

/** Weight [O, C, kh, kw] and bias [O], where there is one. */
export interface ConvolutionParameters {
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
}

/**
 * Least squares for one convolution: over all positions, features a (the inputs under each tap, and 1 for the bias) are to yield
 * what weights W₀ lack to the targets, residuals r. W₀ + Δ is such that Δ minimises Σ |Δ·a − r|² + λ·|Δ|², with λ the `ridge`
 * times the mean of the features' energies. What the data doesn't determine stays as it was in W₀. Features are ordered tap by tap,
 * the constant last: F = kh·kw·C + 1, or without the constant where there is no bias.
 */
export class NormalEquations {
  readonly #solver: Cholesky;

  /**
   * @param gram Σ a·aᵀ, [F, F]
   * @param layer what errors call the convolution
   * @throws NetworkError where it isn't finite
   */
  constructor(
    gram: Float64Array,
    private readonly features: number,
    private readonly taps: number,
    ridge: number,
    private readonly layer: string,
  ) {
    requireFinite(gram, `the input of layer ${layer}`);
    this.#solver = damped(gram, features, ridge);
  }

  /**
   * @param cross Σ r·aᵀ, [O, F]
   * @param start W₀
   * @throws NetworkError where the equations aren't finite
   */
  improve(cross: Float64Array, start: ConvolutionParameters): ConvolutionParameters {
    requireFinite(cross, `the output of layer ${this.layer}`);
    const { features, taps } = this;
    const filters = cross.length / features;
    const solution = cross.slice();
    this.#solver.solve(solution);
    addScaled(solution, toRows(start, filters, features, taps), 1);
    return fromRows(solution, filters, features, taps, start.bias !== undefined);
  }
}

/** [O, C, taps] and [O] → [O, F], features tap by tap. */
export function toRows(
  { weight, bias }: { readonly weight: ArrayLike<number>; readonly bias?: Float32Array | Float64Array },
  filters: number,
  features: number,
  taps: number,
): Float64Array {
  const rows = new Float64Array(filters * features);
  forEachWeight(filters, features, taps, bias !== undefined, (inRows, inWeight) => {
    rows[inRows] = weight[inWeight] as number;
  });
  bias?.forEach((value, o) => {
    rows[(o + 1) * features - 1] = value;
  });
  return rows;
}

/** The inverse of `toRows`. @param biased whether the last of the features is the constant */
export function fromRows(
  rows: Float64Array,
  filters: number,
  features: number,
  taps: number,
  biased: boolean,
): ConvolutionParameters {
  const weight = new Float32Array(filters * (features - (biased ? 1 : 0)));
  forEachWeight(filters, features, taps, biased, (inRows, inWeight) => {
    weight[inWeight] = rows[inRows] as number;
  });
  if (!biased) return { weight };
  return { weight, bias: Float32Array.from({ length: filters }, (_, o) => rows[(o + 1) * features - 1] as number) };
}

/** Visits a weight's elements, with their indices in [O, F] and in [O, C, taps]. */
function forEachWeight(
  filters: number,
  features: number,
  taps: number,
  biased: boolean,
  visit: (inRows: number, inWeight: number) => void,
): void {
  const channels = (features - (biased ? 1 : 0)) / taps;
  for (let o = 0; o < filters; o++) {
    for (let c = 0; c < channels; c++) {
      for (let t = 0; t < taps; t++) visit(o * features + t * channels + c, (o * channels + c) * taps + t);
    }
  }
}
