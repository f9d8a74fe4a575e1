import { integersOf, intOr, type Value } from "../../graph/index.js";
import { geometryOf, shape4 } from "../../operators/geometry.js";
import { expand, reduceSum, reshape } from "../../operators/index.js";
import { isPerChannel } from "./elementwise.js";
import { blockedMaxPool } from "./operators.js";
import type { BlockedRule } from "./rule.js";

/** Without a gradient nobody reads the indices. */
export const lowerMaxPool: BlockedRule = (node, layouts, readersOf) => {
  const [x] = node.inputs as [Value];
  const [output, indices] = node.outputs as [Value, Value | undefined];
  const { kernel, strides, pads, dilations } = geometryOf(node);
  const simple = [...pads.map((size) => size + 1), ...dilations].every((size) => size === 1);
  const indicesRead = indices !== undefined && readersOf(indices).length > 0;
  if (!layouts.hasBlocked(x) || indicesRead || !simple) return false;
  if (intOr(node.attributes, "ceil_mode", 0) !== 0) return false;
  layouts.setBlocked(output, blockedMaxPool(layouts.blocked(x), kernel, strides));
  return true;
};

/** A bias' gradient: Σ over batch and positions, [N, C, H, W] → [C]. */
export const lowerReduceSum: BlockedRule = (node, layouts, readersOf) => {
  const [x] = node.inputs as [Value];
  const axes = integersOf(node.inputs[1]) ?? [];
  const output = node.outputs[0] as Value;
  if (axes.length === 0) return lowerReduceAll(node, layouts, readersOf);
  if (axes.join() !== "0,2,3" || output.shape.length !== 1) return false;
  if (!layouts.isBlocked(x) || !layouts.fits(x)) return false;
  const [batch, channels, height, width] = shape4(x);
  const grouped = reshape(layouts.blocked(x), [batch, channels / layouts.block, height * width, layouts.block]);
  const summed = reduceSum(reduceSum(grouped, { axes: [2] }), { axes: [0] });
  layouts.setPlain(output, reshape(summed, [channels]));
  return true;
};

/** Over all elements their order doesn't matter. */
export const lowerReduceAll: BlockedRule = (node, layouts) => {
  const [x] = node.inputs as [Value];
  if (!layouts.isBlocked(x) || !layouts.fits(x) || node.inputs.length > 1 || node.attributes.axes) return false;
  const output = node.outputs[0] as Value;
  if (output.shape.length !== 0) return false;
  layouts.setPlain(output, layouts.target.apply(node.operator, [layouts.blocked(x)], node.attributes)[0] as Value);
  return true;
};

/** [N, C, 1, 1] to all positions: the gradient of attention's means. */
export const lowerExpand: BlockedRule = (node, layouts) => {
  const [x] = node.inputs as [Value];
  const output = node.outputs[0] as Value;
  if (!layouts.fits(output) || !isPerChannel(x, output)) return false;
  const [batch, channels, height, width] = shape4(output);
  const grouped = reshape(layouts.plain(x), [x.shape[0] as number, channels / layouts.block, 1, layouts.block]);
  const spread = expand(grouped, [batch, channels / layouts.block, height * width, layouts.block]);
  layouts.setBlocked(output, reshape(spread, output.shape));
  return true;
};
