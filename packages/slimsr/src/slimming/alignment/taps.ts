import { intOr, liveNodes, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { Concat, Conv, ConvTranspose } from "@slimsr/core/internal/operators/index.js";
import type { Moments } from "../../calibration/moments.js";
import { occurrences } from "./align.js";

/** Where a convolution reads a group: which of an activation's channels are the group's, in the group's order. */
export interface Tap {
  readonly value: Value;
  readonly at: readonly number[];
}

/** The places at which convolutions read each group's channels. */
export function tapsOf(model: Model): Tap[][] {
  const { groups, channelsOf } = channelAnalysis(model);
  const read = new Set(
    liveNodes(model.graph).flatMap(({ operator, inputs: [x] }) =>
      (operator === Conv || operator === ConvTranspose) && x ? concatenated(x) : [],
    ),
  );
  return groups.map(({ first, size }) =>
    [...read].flatMap((value) => {
      const units = channelsOf(value);
      return units ? occurrences(units, first, size).map((at) => ({ value, at })) : [];
    }),
  );
}

/** The activations that a value joins along its channels: itself, unless it is a concat. */
export const concatenated = (value: Value): Value[] => {
  const node: Node | undefined = value.producer;
  if (node?.operator !== Concat || intOr(node.attributes, "axis", 0) !== 1) return [value];
  return node.inputs.flatMap((part) => (part ? concatenated(part) : []));
};

/** Whether a tap is all of its activation's channels in their order. */
export const isWhole = ({ value, at }: Tap): boolean =>
  at.length === value.shape[1] && at.every((channel, i) => channel === i);

/** The moments of some of the channels. */
export function momentsAt({ mean, second, gradient }: Moments, at: readonly number[]): Moments {
  const n = mean.length;
  const part = (matrix: Float64Array) =>
    Float64Array.from(at.flatMap((row) => at.map((column) => matrix[row * n + column] as number)));
  return {
    mean: Float64Array.from(at, (channel) => mean[channel] as number),
    second: part(second),
    gradient: part(gradient),
  };
}
