import type { Moments } from "../calibration/moments.js";
import { liveNodes, type Value } from "../graph/index.js";
import { type Parameters, required } from "../networks/index.js";
import { concatenated } from "./bases.js";
import { cholesky } from "./cholesky.js";
import type { Model } from "./model.js";
import type { Split, Tensors } from "./split.js";

/** First and second moments of channels. */
export type ChannelMoments = Pick<Moments, "mean" | "second">;

/** Damping of predictions relative to the kept channels' mean variance. */
const RIDGE = 1e-4;

/**
 * Makes up in a slice for what it drops, as far as moments tell: where a convolution reads channels that are dropped, these are
 * predicted from those that are kept, x_d ≈ A·x_k + b (least squares, position by position), and A and b go into its weight and
 * bias.
 * @param teacher parameters in aligned channels
 * @param sliced the student's, which are changed
 * @param moments of the aligned channels of each activation that convolutions read
 */
export function foldDropped(
  { graph, places }: Model,
  teacher: Parameters,
  sliced: Tensors,
  split: Split,
  moments: ReadonlyMap<Value, ChannelMoments>,
): void {
  const convolutions = liveNodes(graph).filter(({ operator }) => operator === "Conv");
  for (const { inputs } of convolutions) {
    const [x, weight, bias] = inputs;
    if (!x || !weight || !bias) continue;
    const own = [weight, bias].every(
      (value) =>
        places.get(value.name) === value && graph.nodes.filter((node) => node.inputs.includes(value)).length === 1,
    );
    const known = concatenated(x).map((part) => moments.get(part));
    const kept = split.get(weight.name)?.get(1);
    if (!own || !kept || !known.every((each) => each !== undefined)) continue;
    const { data, shape } = required(teacher, weight.name);
    const channels = shape[1] as number;
    const taps = data.length / (shape[0] as number) / channels;
    const [target, offset] = [weight, bias].map((value) => required(sliced, value.name).data) as [
      Float32Array,
      Float32Array,
    ];
    const filters = (split.get(weight.name)?.get(0) ?? [{ start: 0, end: shape[0] as number }]).flatMap(indices);
    const remaining = kept.flatMap(indices);
    let first = 0;
    for (const part of known) {
      const size = part.mean.length;
      const [stay, go] = [true, false].map((stays) =>
        Array.from({ length: size }, (_, c) => c).filter((c) => remaining.includes(first + c) === stays),
      ) as [number[], number[]];
      const { slope, constant } = prediction(part, stay, go);
      const at = remaining.findIndex((c) => c >= first);
      filters.forEach((filter, o) => {
        go.forEach((d, row) => {
          for (let t = 0; t < taps; t++) {
            const factor = data[(filter * channels + first + d) * taps + t] as number;
            offset[o] = (offset[o] as number) + factor * (constant[row] as number);
            stay.forEach((_, k) => {
              const to = (o * remaining.length + at + k) * taps + t;
              target[to] = (target[to] as number) + factor * (slope[row * stay.length + k] as number);
            });
          }
        });
      });
      first += size;
    }
  }
}

const indices = ({ start, end }: { start: number; end: number }): number[] =>
  Array.from({ length: end - start }, (_, i) => start + i);

/** A = C_dk·C_kk⁻¹ and b = m_d − A·m_k of the channels `go` given `stay`, C the covariance. */
function prediction({ mean, second }: ChannelMoments, stay: readonly number[], go: readonly number[]) {
  const [n, count] = [mean.length, stay.length];
  const covariance = (i: number, j: number) =>
    (second[i * n + j] as number) - (mean[i] as number) * (mean[j] as number);
  const matrix = Float64Array.from({ length: count ** 2 }, (_, at) =>
    covariance(stay[Math.floor(at / count)] as number, stay[at % count] as number),
  );
  const damping = (RIDGE * stay.reduce((sum, c) => sum + covariance(c, c), 0)) / count;
  for (let k = 0; k < count; k++) matrix[k * (count + 1)] = (matrix[k * (count + 1)] as number) + damping;
  const slope = Float64Array.from({ length: go.length * count }, (_, at) =>
    covariance(go[Math.floor(at / count)] as number, stay[at % count] as number),
  );
  const solver = cholesky(matrix, count);
  if (solver) solver.solve(slope);
  else slope.fill(0);
  const constant = go.map((d, row) =>
    stay.reduce((sum, c, k) => sum - (slope[row * count + k] as number) * (mean[c] as number), mean[d] as number),
  );
  return { slope, constant };
}
