import { intOr, liveNodes, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { materialise, type Split } from "@slimsr/core/internal/model/split.js";
import { required } from "@slimsr/core/internal/networks/index.js";
import { Conv } from "@slimsr/core/internal/operators/index.js";
import type { Moments } from "../../calibration/moments.js";
import { concatenated } from "../alignment/taps.js";
import { cholesky } from "../linear-algebra/cholesky.js";

/** First and second moments of channels. */
export type ChannelMoments = Pick<Moments, "mean" | "second">;

/** Damping of predictions relative to the kept channels' mean variance. */
const RIDGE = 1e-4;

/** Channels x_d that are dropped, predicted from those that are kept, x_k: x_d ≈ A·x_k + b. */
interface Prediction {
  /** Indices of x_k and x_d along what a convolution reads. */
  readonly kept: readonly number[];
  readonly dropped: readonly number[];
  /** A, [dropped, kept]. */
  readonly slope: Float64Array;
  /** b, [dropped]. */
  readonly constant: Float64Array;
}

/**
 * The student as it is sliced from the teacher's, made up for what is dropped as far as moments tell: where a
 * convolution reads channels that are dropped, these are predicted from those that are kept by least squares, position by
 * position, and the prediction goes into its weight and bias.
 * @param teacher in aligned channels
 * @param moments of the aligned channels of each activation that convolutions read; where there are none, all is only sliced
 */
export function foldDropped(teacher: Model, split: Split, moments: ReadonlyMap<Value, ChannelMoments>): Model {
  const { parameters } = teacher;
  const whole = new Map(parameters);
  for (const convolution of liveNodes(teacher.graph).filter((node) => hasOwnParameters(teacher, node))) {
    const [x, weight, bias] = convolution.inputs as [Value, Value, Value];
    const known = concatenated(x).map((part) => moments.get(part));
    const kept = split.get(weight.name)?.get(1);
    const groups = intOr(convolution.attributes, "group", 1);
    if (!kept || !known.every((each) => each !== undefined) || (groups > 1 && known.length > 1)) continue;
    const stays = (channel: number) => kept.some(({ start, end }) => channel >= start && channel < end);
    const { shape, data } = required(parameters, weight.name);
    const folded = { weight: data.slice(), bias: required(parameters, bias.name).data.slice() };
    const [filters = 0, channels = 0] = shape;
    for (let g = 0; g < groups; g++) {
      const rows = { start: (g * filters) / groups, end: ((g + 1) * filters) / groups };
      let first = 0;
      for (const part of known) {
        const read = groups > 1 ? momentsBetween(part, g * channels, (g + 1) * channels) : part;
        fold(folded, shape, rows, predict(read, first, stays));
        first += read.mean.length;
      }
    }
    whole.set(weight.name, { shape, data: folded.weight });
    whole.set(bias.name, { shape: bias.shape, data: folded.bias });
  }
  return { ...teacher, parameters: materialise(whole, split) };
}

/** The moments of the channels start ≤ c < end. */
function momentsBetween({ mean, second }: ChannelMoments, start: number, end: number): ChannelMoments {
  const n = mean.length;
  const rows = Array.from({ length: end - start }, (_, i) => [
    ...second.subarray((start + i) * n + start, (start + i) * n + end),
  ]);
  return { mean: mean.slice(start, end), second: Float64Array.from(rows.flat()) };
}

/** Convolutions with a weight and a bias that nothing else reads. */
function hasOwnParameters({ graph, places }: Model, { operator, inputs: [, weight, bias] }: Node): boolean {
  return (
    operator === Conv &&
    [weight, bias].every(
      (value) =>
        value !== undefined &&
        places.get(value.name) === value &&
        graph.nodes.filter(({ inputs }) => inputs.includes(value)).length === 1,
    )
  );
}

/** A = C_dk·C_kk⁻¹ and b = m_d − A·m_k, C the covariance, for channels that stand side by side from `first`. */
function predict({ mean, second }: ChannelMoments, first: number, stays: (channel: number) => boolean): Prediction {
  const n = mean.length;
  const channels = Array.from({ length: n }, (_, c) => c);
  const kept = channels.filter((c) => stays(first + c));
  const dropped = channels.filter((c) => !stays(first + c));
  const covariance = (rows: readonly number[]) =>
    Float64Array.from({ length: rows.length * kept.length }, (_, at) => {
      const [i, j] = [rows[Math.floor(at / kept.length)] as number, kept[at % kept.length] as number];
      return (second[i * n + j] as number) - (mean[i] as number) * (mean[j] as number);
    });
  const matrix = covariance(kept);
  const diagonal = kept.map((_, k) => k * (kept.length + 1));
  const damping = (RIDGE * diagonal.reduce((sum, at) => sum + (matrix[at] as number), 0)) / kept.length;
  for (const at of diagonal) matrix[at] = (matrix[at] as number) + damping;
  const slope = covariance(dropped);
  const solver = cholesky(matrix, kept.length);
  if (solver) solver.solve(slope);
  else slope.fill(0);
  const constant = Float64Array.from(dropped, (d, row) =>
    kept.reduce(
      (rest, c, k) => rest - (slope[row * kept.length + k] as number) * (mean[c] as number),
      mean[d] as number,
    ),
  );
  return { kept: kept.map((c) => first + c), dropped: dropped.map((c) => first + c), slope, constant };
}

/** Weight [O, C, taps], in place, for some of the filters: W_k ← W_k + W_d·A at each tap; bias [O]: β ← β + Σ_taps W_d·b. */
function fold(
  { weight, bias }: { readonly weight: Float32Array; readonly bias: Float32Array },
  [, channels = 0, ...kernel]: readonly number[],
  filters: { readonly start: number; readonly end: number },
  { kept, dropped, slope, constant }: Prediction,
): void {
  const taps = kernel.reduce((a, b) => a * b, 1);
  for (let o = filters.start; o < filters.end; o++) {
    for (const [row, d] of dropped.entries()) {
      for (let tap = 0; tap < taps; tap++) {
        const factor = weight[(o * channels + d) * taps + tap] as number;
        bias[o] = (bias[o] as number) + factor * (constant[row] as number);
        for (const [k, c] of kept.entries()) {
          const at = (o * channels + c) * taps + tap;
          weight[at] = (weight[at] as number) + factor * (slope[row * kept.length + k] as number);
        }
      }
    }
  }
}
