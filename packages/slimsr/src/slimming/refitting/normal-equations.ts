import type { Node, Value } from "@slimsr/core/internal/graph/index.js";
import { type ConvolutionGeometry, geometryOf } from "@slimsr/core/internal/operators/geometry.js";
import { concat, expand, matMul, pad, reduceSum, reshape, slice } from "@slimsr/core/internal/operators/index.js";
import { requireFinite } from "../../calibration/finite.js";
import { type Cholesky, cholesky } from "../linear-algebra/cholesky.js";
import { addScaled, traceOf } from "../linear-algebra/matrices.js";

/** Weight [O, C, kh, kw] and bias [O], where there is one. */
export interface ConvolutionParameters {
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
}

/** The features of a convolution of x [N, C, H, W] in `groups`: [N, groups, F, positions]. */
export function convolutionFeatures(x: Value, node: Node, positions: readonly [number, number], groups: number): Value {
  const geometry = geometryOf({ attributes: node.attributes, inputs: [x, node.inputs[1]] });
  const [batch, channels] = x.shape as [number, number, number, number];
  const area = positions[0] * positions[1];
  const taps = tapsUnder(x, geometry, positions).map((tap) => reshape(tap, [batch, groups, channels / groups, area]));
  const constant = node.inputs[2] ? [expand(x.graph.scalar(1), [batch, groups, 1, area])] : [];
  return concat([...taps, ...constant], 2);
}

function tapsUnder(
  x: Value,
  { kernel, strides, dilations, pads }: ConvolutionGeometry,
  positions: readonly number[],
): Value[] {
  const padded = pads.some((size) => size > 0) ? pad(x, [0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]) : x;
  if (kernel.every((size) => size === 1) && strides.every((stride) => stride === 1)) return [padded];
  return Array.from({ length: kernel[0] * kernel[1] }, (_, tap) => {
    const at = [Math.floor(tap / kernel[1]), tap % kernel[1]];
    return slice(
      padded,
      [0, 1].map((i) => {
        const [start, stride] = [(at[i] as number) * (dilations[i] as number), strides[i] as number];
        return { axis: 2 + i, start, end: start + ((positions[i] as number) - 1) * stride + 1, step: stride };
      }),
    );
  });
}

/** Declares what a batch adds to each group's equations as outputs `gram` [groups, F, F] (unless it is known) and `cross` [groups, O, F]. */
export function declareEquations(features: Value, target: Value, withGram: boolean): void {
  const { graph } = features;
  const [batch, groups, , area] = features.shape as [number, number, number, number];
  const filters = target.shape[1] as number;
  const flat = reshape(target, [batch, groups, filters / groups, area]);
  const over = (value: Value) => (batch === 1 ? reshape(value, value.shape.slice(1)) : reduceSum(value, { axes: [0] }));
  if (withGram) graph.output("gram", over(matMul(features, features, { transposeRight: true })));
  graph.output("cross", over(matMul(flat, features, { transposeRight: true })));
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
    this.#solver = damped(gram, features, traceOf(gram, features), ridge);
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

/** A ridge of nothing, or one that rounding swallows, is raised until the system can be solved. */
function damped(gram: Float64Array, features: number, energy: number, ridge: number): Cholesky {
  for (let factor = ridge; ; factor = Math.max(10 * factor, Number.EPSILON)) {
    const least = Math.max((factor * energy) / features, Number.EPSILON);
    const matrix = gram.slice();
    for (let i = 0; i < features; i++) matrix[i * features + i] = (matrix[i * features + i] as number) + least;
    const solver = cholesky(matrix, features);
    if (solver) return solver;
  }
}

/** [O, C, taps] and [O] → [O, F], features tap by tap. */
export function toRows(
  { weight, bias }: ConvolutionParameters,
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
