import { GraphError } from "../errors.js";
import type { Node, Value } from "./graph.js";

/**
 * What may be done to channels without changing the network: any invertible matrix where all that writes and reads them is
 * linear; a permutation and positive factors where something positively homogeneous acts on each of them by itself (a ReLU); a
 * permutation where it is anything else (a gate, or one number that is added to all of them).
 */
export type Freedom = "linear" | "scaling" | "permutation";

/** How a parameter meets channels along an axis: it produces them, consumes them or acts on each by itself. */
export type AxisRole = "writes" | "reads" | "scales";

/** The channels of an activation, by numbers that the tracing gives out: tied channels are one and the same. */
export type Channels = readonly number[];

/** What a channel rule may ask for and state while a graph's channels are traced. */
export interface ChannelTrace {
  /** The channels of an activation; undefined for parameters and other values that no image reaches. */
  of(value: Value): Channels | undefined;
  set(output: Value, channels: Channels): void;
  /** Channels that are tied to nothing yet. */
  fresh(count: number): Channels;
  /** Channels at the same index are kept or dropped together. */
  tie(a: Channels, b: Channels): void;
  /** These channels always stay, as an image's do. */
  fix(channels: Channels): void;
  /** Channels that always stay. */
  fixed(count: number): Channels;
  /** These channels are told from all others: none takes the place of one that isn't among them. */
  distinguish(channels: Channels): void;
  /** An invertible map between as many channels: where one side's are an image's, the other's are too. */
  invertible(read: Channels, written: Channels): void;
  /** Leaves the channels no more freedom than this. */
  restrict(channels: Channels, freedom: Freedom): void;
  /** A parameter runs along the channels with one of its axes. */
  record(parameter: Value, axis: number, channels: Channels, role: AxisRole): void;
  /** The node acts on each channel by itself: its output and all that meets it have the same channels. */
  channelwise(node: Node, freedom: Freedom): void;
}

/**
 * Traces the channels of a node that an image reaches, and sets its outputs'.
 * @throws UnknownEffect where its effect on them isn't known
 */
export type ChannelRule = (node: Node, trace: ChannelTrace) => void;

/** A freedom alone: the operator acts on each channel by itself and leaves it that much. */
export type ChannelEffect = Freedom | ChannelRule;

/** What an operator does to channels isn't known: those that reach it must stay as they are. */
export class UnknownEffect extends GraphError {}

export const unknownEffect = (
  { operator, outputs }: Node,
  reason = "its effect on channels is not known",
): UnknownEffect => new UnknownEffect(`${operator.name} (output ${outputs[0]?.name}): ${reason}`);

/** What hands on some of its first input's channels. */
export interface ChannelSelection {
  /** For each output, the indices of the channels that it gets; undefined where a node takes all of them, or its effect isn't known. */
  readonly of: (node: Node) => readonly (readonly number[])[] | undefined;
  /** The node with other indices, in ascending order wherever they were before, applied to `inputs`. */
  readonly apply: (
    node: Node,
    inputs: readonly (Value | undefined)[],
    lists: readonly (readonly number[])[],
  ) => readonly Value[];
}
