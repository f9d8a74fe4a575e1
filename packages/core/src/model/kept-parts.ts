import { NetworkError } from "../errors.js";
import type { Shape, Value } from "../graph/index.js";
import type { ChannelAnalysis, ChannelGroup } from "./channels.js";

/**
 * How a convolution over concatenated features is split: `aligned` takes the first channels of each part, which keeps what the
 * teacher's columns mean; `official`, the published code's, takes the first columns of the whole.
 */
export type SplitMode = "aligned" | "official";

/** Stretches start ≤ i < end that are kept of an axis. */
export type Stretches = readonly { readonly start: number; readonly end: number }[];

/** What a student keeps of each parameter, per axis; axes that are kept whole are left out. */
export type Split = ReadonlyMap<string, ReadonlyMap<number, Stretches>>;

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

export const lengthOf = (kept: Stretches): number => kept.reduce((sum, { start, end }) => sum + end - start, 0);
