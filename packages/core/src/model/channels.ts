import { type AxisRole, type Freedom, type Graph, liveNodes, type Node, type Value } from "../graph/index.js";
import { collectGroups } from "./groups.js";
import { misfitOf } from "./narrowing.js";
import { type Pin, Trace } from "./trace.js";

export type { AxisRole, Freedom } from "../graph/index.js";
export type { Pin } from "./trace.js";

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
  /** Nodes that keep channels from being dropped. */
  readonly pins: readonly Pin[];
}

/**
 * Groups of channels, from the graph alone: images enter as 4-D graph inputs named in `images` and leave as outputs. What a 1×1
 * convolution makes of an image in as many channels is an image too. Channels that reach a node whose effect on them isn't known,
 * or that doesn't follow when some are dropped, stay: `pins` says which and why.
 */
export function analyseChannels(graph: Graph, images: readonly Value[]): ChannelAnalysis {
  const pinned = new Map<Node, string>();
  for (;;) {
    const analysis = traceChannels(graph, images, pinned);
    const misfit = misfitOf(graph, analysis);
    if (!misfit || pinned.has(misfit.node)) return analysis;
    const { operator, outputs } = misfit.node;
    pinned.set(misfit.node, `${operator.name} (output ${outputs[0]?.name}): ${misfit.reason}`);
  }
}

function traceChannels(graph: Graph, images: readonly Value[], pinned: ReadonlyMap<Node, string>): ChannelAnalysis {
  const trace = new Trace();
  for (const image of images) trace.set(image, trace.fixed(image.shape[1] as number));
  for (const node of liveNodes(graph)) trace.visit(node, pinned.get(node));
  for (const output of graph.outputs.values()) trace.fix(trace.of(output) ?? []);
  const colours = [...images, ...graph.outputs.values()].map(({ shape }) => shape[1] as number);
  for (const count of new Set(colours)) trace.followImage(count);
  return collectGroups(trace);
}
