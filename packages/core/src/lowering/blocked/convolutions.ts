import type { Value } from "../../graph/index.js";
import { adjointPads, geometryOf, isPlain, shape4 } from "../../operators/geometry.js";
import { Relu } from "../../operators/index.js";
import type { Layouts } from "./layouts.js";
import { blockedConv } from "./operators.js";
import type { BlockedRule } from "./rule.js";
import { weightGradientTaps } from "./weight-gradient.js";
import { blockedBias, blockedWeight } from "./weights.js";

/** A convolution; a ReLU that alone reads its output is done along with it. */
export const lowerConv: BlockedRule = (node, layouts, readersOf) => {
  const [x, weight, bias] = node.inputs as [Value, Value, Value | undefined];
  const geometry = geometryOf(node);
  const output = node.outputs[0] as Value;
  if (!isPlain(geometry) || !worthwhile(layouts, x, output)) return false;
  const input = convInput(layouts, x);
  if (!input) return false;
  const [reader, ...others] = readersOf(output);
  const relu = reader?.operator === Relu && others.length === 0 ? reader : undefined;
  const made = blockedConv(
    input,
    blockedWeight(layouts.plain(weight), layouts.block, false),
    bias && blockedBias(layouts.plain(bias), layouts.block),
    { pads: geometry.pads, relu: relu !== undefined },
  );
  layouts.setBlocked(relu?.outputs[0] ?? output, made);
  return true;
};

/** The adjoint of a plain convolution is a plain convolution of dy. */
export const lowerInputGradient: BlockedRule = (node, layouts) => {
  const [dy, weight] = node.inputs as [Value, Value];
  const geometry = geometryOf(node);
  const pads = adjointPads(geometry);
  const output = node.outputs[0] as Value;
  if (!isPlain(geometry) || pads.some((size) => size < 0) || !worthwhile(layouts, dy, output)) return false;
  const input = convInput(layouts, dy);
  if (!input) return false;
  const made = blockedConv(input, blockedWeight(layouts.plain(weight), layouts.block, true), undefined, { pads });
  layouts.setBlocked(output, made);
  return true;
};

export const lowerWeightGradient: BlockedRule = (node, layouts) => {
  const [x, dy] = node.inputs as [Value, Value];
  const output = node.outputs[0] as Value;
  const made = weightGradientTaps(layouts, x, dy, output.shape, geometryOf(node));
  if (!made) return false;
  layouts.setPlain(output, made);
  return true;
};

/** x as a blocked convolution takes it: blocked, or NCHW where it has fewer channels than a block; undefined where it can't. */
function convInput(layouts: Layouts, x: Value): Value | undefined {
  if (layouts.fits(x)) return layouts.blocked(x);
  return (x.shape[1] as number) < layouts.block ? layouts.plain(x) : undefined;
}

/** A single position (attention's gates) isn't worth a change of layout; images into images aren't either. */
function worthwhile({ block }: Layouts, x: Value, y: Value): boolean {
  const [, channels, height, width] = shape4(y);
  return height * width > 1 && Math.max(channels, x.shape[1] as number) >= block;
}
