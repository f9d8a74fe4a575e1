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

/**
 * Along rows or columns they act on each channel by itself. What puts channels together into one, such as a mean, has one channel of
 * whichever are there; what makes as many of them isn't followed, for each depends on all.
 */
export const channelsAlong =
  (axesOf: AxesOf, freedom: Freedom): ChannelRule =>
  (node, trace) => {
    const x = node.inputs[0] as Value;
    const output = node.outputs[0] as Value;
    if (x.shape.length !== 4 || output.shape.length !== 4) throw unknownEffect(node);
    if (!axesOf(node).includes(1)) {
      trace.channelwise(node, freedom);
      return;
    }
    if (output.shape[1] !== 1) throw unknownEffect(node);
    trace.restrict(trace.of(x) ?? [], "permutation");
    trace.set(output, trace.fixed(1));
  };

/** Along channels alone each position comes from itself. */
export const reachAlong = (axesOf: AxesOf): ReachRule =>
  ofFirst((node, spans) => {
    const ranks = [node.inputs[0], node.outputs[0]].map((value) => value?.shape.length);
    return ranks.every((rank) => rank === 4) && axesOf(node).every((axis) => axis === 1) ? spans : "all";
  });
