import { NetworkError } from "../errors.js";
import type { Shape, Value } from "../graph/index.js";
import { type ParameterMap, type Parameters, required } from "../networks/index.js";
import { concat, slice } from "../operators/index.js";
import type { ChannelGroup } from "./channels.js";
import { layerOf, lengthOf, type Split, type SplitMode, type Stretches, splitByCounts } from "./kept-parts.js";
import { atOwnWidth, channelAnalysis, type Model, type ParameterSource } from "./model.js";

export {
  keptShape,
  layerOf,
  layerOfWeight,
  type Split,
  type SplitMode,
  type Stretches,
  splitByCounts,
  stretches,
} from "./kept-parts.js";

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

/** As many channels as an image has, in a group on which nothing acts, are mostly an image that is carried along. */
const COLOURS = 3;

/** ⌊width·C⌋ channels of a group of C; all of a single one, as attention may squeeze all others into, and of colours that are carried along. */
export const countAtWidth = ({ size, freedom }: ChannelGroup, width: number): number =>
  size === 1 || (size <= COLOURS && freedom === "linear") ? size : Math.floor(width * size);

/**
 * What each group keeps at a width.
 * @throws NetworkError where a group would keep no channel, naming a layer and the width.
 */
export function countsAtWidth(groups: readonly ChannelGroup[], width: number): number[] {
  if (!(width > 0 && width <= 1)) throw new NetworkError(`width ${width} must lie above 0 and not above 1`);
  return groups.map((group) => {
    const count = countAtWidth(group, width);
    if (count === 0) {
      throw new NetworkError(
        `width ${width} leaves layer ${layerOf(group)} (${group.size} channels) without channels; take a larger one`,
      );
    }
    return count;
  });
}

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
