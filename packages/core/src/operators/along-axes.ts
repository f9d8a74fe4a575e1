import {
  type ChannelRule,
  type Freedom,
  type Node,
  ofFirst,
  type ReachRule,
  unknownEffect,
  type Value,
} from "../graph/index.js";

/** Rules for operators of [N, C, H, W] that put together what lies along some axes, such as a softmax or a mean. */

/** The axes, from 0. */
export type AxesOf = (node: Node) => readonly number[];

/** Along rows or columns they act on each channel by itself; along channels they mix them. */
export const channelsAlong =
  (axesOf: AxesOf, freedom: Freedom): ChannelRule =>
  (node, trace) => {
    const { length } = (node.inputs[0] as Value).shape;
    const [output] = node.outputs;
    if (length !== 4 || output?.shape.length !== 4 || axesOf(node).includes(1)) throw unknownEffect(node);
    trace.channelwise(node, freedom);
  };

/** Along channels alone each position comes from itself. */
export const reachAlong = (axesOf: AxesOf): ReachRule =>
  ofFirst((node, spans) => {
    const ranks = [node.inputs[0], node.outputs[0]].map((value) => value?.shape.length);
    return ranks.every((rank) => rank === 4) && axesOf(node).every((axis) => axis === 1) ? spans : "all";
  });
