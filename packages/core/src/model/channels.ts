import { type AxisRole, type Freedom, type Graph, liveNodes, type Value } from "../graph/index.js";
import { IMAGE } from "./atoms.js";
import { collectGroups } from "./groups.js";
import { Trace } from "./trace.js";

export type { AxisRole, Freedom } from "../graph/index.js";

export interface GroupAxis {
  readonly parameter: Value;
  readonly axis: number;
  readonly role: AxisRole;
}

/**
 * Which channels of a network are one and the same. A unit is what must be kept or dropped together: a channel that several
 * convolutions write or read (through sums, products, elementwise functions), or the r² channels that a pixel shuffle makes one.
 * A group is an ordered set of units that occur along the same axes; the images' channels belong to no group.
 */
export interface ChannelGroup {
  /** Number of units, and the first of them in `ChannelAnalysis.unitsOf`'s numbering. */
  readonly size: number;
  readonly first: number;
  readonly freedom: Freedom;
  /** Parameter axes that the group runs along. */
  readonly axes: readonly GroupAxis[];
}

/** A unit per channel; undefined for an image's channel, which always stays. */
export type Units = readonly (number | undefined)[];

export interface ChannelAnalysis {
  readonly groups: readonly ChannelGroup[];
  /** The unit of each index along a parameter's axis; undefined where the axis belongs to an image or isn't one of channels. */
  readonly unitsOf: (parameter: Value, axis: number) => Units | undefined;
  /** The unit of each channel of an activation; undefined where the channels are an image's or aren't known. */
  readonly channelsOf: (activation: Value) => Units | undefined;
}

/**
 * Groups of channels, from the graph alone: images enter as 4-D graph inputs named in `images` and leave as outputs. What a 1×1
 * convolution makes of an image in as many channels is an image too.
 * @throws GraphError for an operator whose effect on channels is unknown.
 */
export function analyseChannels(graph: Graph, images: readonly Value[]): ChannelAnalysis {
  const trace = new Trace();
  for (const image of images) trace.set(image, Array<number>(image.shape[1] as number).fill(IMAGE));
  for (const node of liveNodes(graph)) trace.visit(node);
  for (const output of graph.outputs.values()) trace.fix(trace.of(output) ?? []);
  const colours = [...images, ...graph.outputs.values()].map(({ shape }) => shape[1] as number);
  for (const count of new Set(colours)) trace.followImage(count);
  return collectGroups(trace);
}
