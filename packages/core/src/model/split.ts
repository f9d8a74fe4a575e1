import { NetworkError } from "../errors.js";
import type { Shape, Value } from "../graph/index.js";
import { type ParameterMap, type Parameters, required } from "../networks/index.js";
import { concat, slice } from "../operators/index.js";
import type { ChannelAnalysis, ChannelGroup } from "./channels.js";
import { atOwnWidth, channelAnalysis, type Model, type ParameterSource } from "./model.js";

/**
 * How a convolution over concatenated features is split: `aligned` takes the first channels of each part, which keeps what the
 * teacher's columns mean; `official`, the published code's, takes the first columns of the whole.
 */
export type SplitMode = "aligned" | "official";

/** Stretches start ≤ i < end that are kept of an axis. */
export type Stretches = readonly { readonly start: number; readonly end: number }[];

/** What a student keeps of each parameter, per axis; axes that are kept whole are left out. */
export type Split = ReadonlyMap<string, ReadonlyMap<number, Stretches>>;

/**
 * Channel splitting (CSD, section 3.1; CSSR-Net): of every group of C channels the first ⌊width·C⌋.
 * @throws NetworkError where a layer would keep no channel, naming it and the width.
 */
export function splitChannels(model: Model, width: number, mode: SplitMode = "aligned"): Split {
  const analysis = channelAnalysis(model);
  return splitByCounts(model.places.values(), analysis, countsAtWidth(analysis.groups, width), mode);
}

/**
 * The model with the first ⌊width·C⌋ channels of each layer, C being the full network's, of which its parameters may be a part.
 * @throws NetworkError where a layer would keep no channel, naming it and the width.
 */
export function narrowed(model: Model, width: number, mode: SplitMode = "aligned"): Model {
  const own = atOwnWidth(model);
  const analysis = channelAnalysis(own);
  const counts = countsAtWidth(channelAnalysis(model).groups, width).map((count, i) =>
    Math.min(count, analysis.groups[i]?.size ?? count),
  );
  const split = splitByCounts(own.places.values(), analysis, counts, mode);
  return { ...model, parameters: materialise(model.parameters, split) };
}

/**
 * ⌊width·C⌋ for each group; a single channel, as attention may squeeze all others into, stays.
 * @throws NetworkError where a group would keep no channel, naming a layer and the width.
 */
export function countsAtWidth(groups: readonly ChannelGroup[], width: number): number[] {
  if (!(width > 0 && width <= 1)) throw new NetworkError(`width ${width} must lie above 0 and not above 1`);
  return groups.map((group) => {
    const count = group.size === 1 ? 1 : Math.floor(width * group.size);
    if (count === 0) {
      throw new NetworkError(
        `width ${width} leaves layer ${layerOf(group)} (${group.size} channels) without channels; take a larger one`,
      );
    }
    return count;
  });
}

/** The layer whose parameters first meet a group. */
export const layerOf = ({ axes: [first] }: ChannelGroup): string => (first ? layerOfWeight(first.parameter) : "");

/** The layer that a parameter belongs to. */
export const layerOfWeight = ({ name }: Value): string => name.replace(/\.(weight|bias)$/, "");

/**
 * What is kept of each of `parameters` when group i keeps its first `counts[i]` channels.
 * @throws NetworkError unless there is a whole number from 1 to its size for each group
 */
export function splitByCounts(
  parameters: Iterable<Value>,
  { groups, unitsOf }: ChannelAnalysis,
  counts: readonly number[],
  mode: SplitMode = "aligned",
): Split {
  if (counts.length !== groups.length) {
    throw new NetworkError(`${counts.length} channel counts for ${groups.length} groups; give one for each`);
  }
  const kept = new Set<number | undefined>([undefined]);
  groups.forEach((group, g) => {
    const count = counts[g] as number;
    if (!Number.isInteger(count) || count < 1 || count > group.size) {
      throw new NetworkError(`layer ${layerOf(group)} has ${group.size} channels and can't keep ${count} of them`);
    }
    for (let i = 0; i < count; i++) kept.add(group.first + i);
  });
  const split = new Map<string, Map<number, Stretches>>();
  for (const parameter of parameters) {
    const axes = new Map<number, Stretches>();
    parameter.shape.forEach((size, axis) => {
      const indices = unitsOf(parameter, axis)?.flatMap((unit, i) => (kept.has(unit) ? [i] : []));
      if (!indices || indices.length === size) return;
      axes.set(axis, mode === "aligned" ? stretches(indices) : [{ start: 0, end: indices.length }]);
    });
    if (axes.size > 0) split.set(parameter.name, axes);
  }
  return split;
}

/** Ascending indices as stretches. */
export function stretches(indices: readonly number[]): Stretches {
  const found: { start: number; end: number }[] = [];
  for (const i of indices) {
    const last = found.at(-1);
    if (last?.end === i) last.end = i + 1;
    else found.push({ start: i, end: i + 1 });
  }
  return found;
}

/** The shape of what a split keeps of a parameter. */
export const keptShape = (split: Split, name: string, shape: Shape): Shape =>
  shape.map((size, axis) => {
    const kept = split.get(name)?.get(axis);
    return kept ? lengthOf(kept) : size;
  });

const lengthOf = (kept: Stretches): number => kept.reduce((sum, { start, end }) => sum + end - start, 0);

/** The student's parameters as slices of the teacher's: the same weights, so that gradients of both add up. */
export function sharedSource(teacher: ReadonlyMap<string, Value>, split: Split): ParameterSource {
  return (name) => {
    const whole = teacher.get(name);
    if (!whole) throw new NetworkError(`parameter ${name} is missing`);
    const axes = [...(split.get(name) ?? [])];
    const single = axes.flatMap(([axis, kept]) => (kept.length === 1 ? kept.map((range) => ({ axis, ...range })) : []));
    let part = single.length > 0 ? slice(whole, single) : whole;
    for (const [axis, kept] of axes.filter(([, { length }]) => length > 1)) {
      const parts = kept.map(({ start, end }) => slice(part, [{ axis, start, end }]));
      part = concat(parts, axis);
    }
    return part;
  };
}

/** The student's parameters as tensors of their own. */
export function materialise(parameters: Parameters, split: Split): ParameterMap {
  const student: ParameterMap = new Map();
  for (const name of parameters.keys()) {
    let { shape, data } = required(parameters, name);
    for (const [axis, kept] of split.get(name) ?? []) ({ shape, data } = take(shape, data, axis, kept));
    student.set(name, { shape, data: data.slice() });
  }
  return student;
}

function take(shape: Shape, data: Float32Array, axis: number, kept: Stretches): { shape: Shape; data: Float32Array } {
  const size = shape[axis] as number;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const count = lengthOf(kept);
  const taken = new Float32Array(outer * count * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const { start, end } of kept) {
      const part = data.subarray((o * size + start) * inner, (o * size + end) * inner);
      taken.set(part, at);
      at += part.length;
    }
  }
  return { shape: shape.map((length, i) => (i === axis ? count : length)), data: taken };
}
