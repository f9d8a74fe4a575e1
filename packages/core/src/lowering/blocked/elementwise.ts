import { elements, sameShape, type Value } from "../../graph/index.js";
import { shape4 } from "../../operators/geometry.js";
import { clip, mul, reshape } from "../../operators/index.js";
import { portableReplacement } from "../portable.js";
import type { Layouts } from "./layouts.js";
import type { BlockedRule } from "./rule.js";

/**
 * Elementwise operators don't mind the order of elements as long as all operands have the same; what has one value a
 * channel is grouped into blocks beside them.
 */
export const lowerElementwise: BlockedRule = (node, layouts) => {
  if (!node.operator.elementwise) return false;
  const output = node.outputs[0] as Value;
  const inputs = node.inputs.filter((value) => value !== undefined) as Value[];
  const full = inputs.filter((value) => isFull(value, output));
  const perChannel = inputs.filter((value) => !full.includes(value) && isPerChannel(value, output));
  const rest = inputs.filter((value) => !full.includes(value) && !perChannel.includes(value));
  const [, channels] = shape4(output);
  if (output.shape.length !== 4 || channels % layouts.block !== 0) return false;
  if (rest.some((value) => elements(value.shape) !== 1)) return false;
  if (!full.some((value) => layouts.isBlocked(value))) return false;
  const groups = perChannel.length > 0;
  const images = node.inputs.map((value) => {
    if (!value || rest.includes(value)) return value && layouts.plain(value);
    if (!full.includes(value)) {
      return reshape(layouts.plain(value), [value.shape[0] as number, channels / layouts.block, 1, layouts.block]);
    }
    const image = layouts.blocked(value);
    return groups ? grouped(layouts, image) : image;
  });
  const parts = portableReplacement(node, images) ?? layouts.target.apply(node.operator, images, node.attributes);
  const made = parts[0] as Value;
  layouts.setBlocked(output, groups ? reshape(made, output.shape) : made);
  return true;
};

/** A blocked value with its blocks as an axis: [N, C/b, H·W, b]. */
function grouped({ block }: Layouts, image: Value): Value {
  const [batch, channels, height, width] = shape4(image);
  return reshape(image, [batch, channels / block, height * width, block]);
}

/** All of the output's positions; the batch may broadcast. */
function isFull({ shape }: Value, output: Value): boolean {
  return shape.length === 4 && sameShape(shape.slice(1), output.shape.slice(1));
}

export function isPerChannel({ shape }: Value, output: Value): boolean {
  const [batch, channels] = shape4(output);
  const whole = shape.length === 4 && shape[1] === channels && shape[2] === 1 && shape[3] === 1;
  return whole && (shape[0] === batch || shape[0] === 1);
}

/** The engine's Sign runs on one thread; this, the same for all but subnormal numbers, on all. */
export const lowerSign: BlockedRule = (node, layouts) => {
  const [x] = node.inputs as [Value];
  const output = node.outputs[0] as Value;
  const blocked = layouts.isBlocked(x) && layouts.fits(x);
  const made = clip(mul(blocked ? layouts.blocked(x) : layouts.plain(x), 2 ** 126), -1, 1);
  if (blocked) layouts.setBlocked(output, made);
  else layouts.setPlain(output, made);
  return true;
};
