import { GraphError } from "../errors.js";
import { int, intOr } from "./attributes.js";
import { type ChannelRule, type ChannelSelection, unknownEffect } from "./channels.js";
import type { Node, Value } from "./graph.js";
import { integersOf } from "./operands.js";

/** Which channels slices, splits and gathers of [N, C, H, W] hand on. */

const CHANNELS = 1;

const isAlongChannels = (axis: number, { shape }: Value): boolean =>
  shape.length === 4 && (axis === CHANNELS || axis === CHANNELS - shape.length);

const ascending = (start: number, end: number): number[] => Array.from({ length: end - start }, (_, i) => start + i);

export const splitSelection: ChannelSelection = {
  of: ({ attributes, inputs, outputs }) => {
    if (!isAlongChannels(intOr(attributes, "axis", 0), inputs[0] as Value)) return undefined;
    let start = 0;
    return outputs.map(({ shape }) => {
      const list = ascending(start, start + (shape[CHANNELS] as number));
      start += list.length;
      return list;
    });
  },
  apply: ({ operator, attributes }, [x], lists) => {
    const { graph } = x as Value;
    const { num_outputs: _, ...rest } = attributes;
    return graph.apply(operator, [x, graph.integers(lists.map(({ length }) => length))], rest);
  },
};

/** Index among a slice's axes of the channels'; -1 where it takes all of them. */
const channelPlace = ({ inputs }: Node): number => {
  const [x, starts] = inputs as [Value, Value];
  const axes = integersOf(inputs[3]) ?? ascending(0, starts.shape[0] ?? 0);
  return axes.findIndex((axis) => isAlongChannels(axis, x));
};

export const sliceSelection: ChannelSelection = {
  of: (node) => {
    const place = channelPlace(node);
    if (place < 0) return undefined;
    const [start = 0, step = 1] = [1, 4].map((input) => integersOf(node.inputs[input])?.[place]);
    const size = node.inputs[0]?.shape[CHANNELS] as number;
    const count = node.outputs[0]?.shape[CHANNELS] as number;
    const first = Math.min(Math.max(start < 0 ? start + size : start, 0), size - 1);
    return [Array.from({ length: count }, (_, i) => first + i * step)];
  },
  apply: (node, inputs, [list = []]) => {
    const [x, starts, ends, ...rest] = inputs as [Value, Value, Value];
    const place = channelPlace(node);
    const [start = 0] = list;
    if (list.some((channel, i) => channel !== start + i)) throw new GraphError("Slice: its channels aren't adjacent");
    const bound = (bounds: Value, at: number) =>
      x.graph.integers((integersOf(bounds) ?? []).map((each, i) => (i === place ? at : each)));
    return x.graph.apply(
      node.operator,
      [x, bound(starts, start), bound(ends, start + list.length), ...rest],
      node.attributes,
    );
  },
};

export const gatherSelection: ChannelSelection = {
  of: (node) => {
    const [x, indices] = node.inputs as [Value, Value];
    if (!isAlongChannels(intOr(node.attributes, "axis", 0), x)) throw unknownEffect(node);
    const list = integersOf(indices);
    if (!list || indices.shape.length !== 1) throw unknownEffect(node, "gathers channels that aren't constant");
    const size = x.shape[CHANNELS] as number;
    return [list.map((index) => (index < 0 ? index + size : index))];
  },
  apply: ({ operator }, [x], [list = []]) => {
    const { graph } = x as Value;
    return graph.apply(operator, [x, graph.integers(list)], { axis: int(CHANNELS) });
  },
};

/** The outputs have the channels that are selected; which of them these are must stay as it is. */
export const selectedChannels: ChannelRule = (node, trace) => {
  const { operator, inputs, outputs } = node;
  const channels = trace.of(inputs[0] as Value);
  if (!channels || inputs[0]?.shape.length !== 4) throw unknownEffect(node);
  const lists = operator.selection?.of(node);
  outputs.forEach((output, i) => {
    const selected = lists?.[i]?.map((index) => channels[index] as number);
    if (selected) trace.distinguish(selected);
    trace.set(output, selected ?? channels);
  });
};
