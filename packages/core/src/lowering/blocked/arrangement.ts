import { integersOf, intOr, type Node, textOr, type Value } from "../../graph/index.js";
import { shape4 } from "../../operators/geometry.js";
import { Concat, reshape } from "../../operators/index.js";
import { permuteChunks } from "./chunks.js";
import { reorderInput, reorderOutput, reorderToChannelsLast } from "./operators.js";
import type { BlockedRule } from "./rule.js";

/** Pixel shuffle: each pixel's [C, r²] is turned to [r², C] by a reorder, then whole blocks of C move to their places. */
export const lowerShuffle: BlockedRule = (node, layouts) => {
  const [x] = node.inputs as [Value];
  const output = node.outputs[0] as Value;
  if (textOr(node.attributes, "mode", "DCR") !== "CRD") return false;
  if (!layouts.isBlocked(x) || !layouts.fits(x) || !layouts.fits(output)) return false;
  const { block } = layouts;
  const [batch, wide, height, width] = shape4(x);
  const r = intOr(node.attributes, "blocksize", 1);
  const channels = wide / r ** 2;
  const pixels = reshape(reorderToChannelsLast(layouts.blocked(x)), [batch * height * width, channels, r, r]);
  const grouped = [batch, height, width, channels / block, r, r];
  const moved = permuteChunks(reorderInput(pixels), grouped, [0, 3, 1, 4, 2, 5], block);
  layouts.setBlocked(output, reshape(moved, output.shape));
  return true;
};

/** The same steps backwards. */
export const lowerUnshuffle: BlockedRule = (node, layouts) => {
  const [x] = node.inputs as [Value];
  const output = node.outputs[0] as Value;
  if (!layouts.isBlocked(x) || !layouts.fits(x) || !layouts.fits(output)) return false;
  const { block } = layouts;
  const [batch, wide, height, width] = shape4(output);
  const r = intOr(node.attributes, "blocksize", 1);
  const channels = wide / r ** 2;
  const placed = [batch, channels / block, height, r, width, r];
  const moved = permuteChunks(layouts.blocked(x), placed, [0, 2, 4, 1, 3, 5], block);
  const pixels = reorderOutput(reshape(moved, [batch * height * width, channels, r, r]), channels);
  // [N, H, W, C·r²] in memory; blocks of channels go outwards.
  const blocks = permuteChunks(pixels, [batch, height * width, wide / block], [0, 2, 1], block);
  layouts.setBlocked(output, reshape(blocks, output.shape));
  return true;
};

/** Whole samples, or whole blocks of channels, lie together in either layout. */
export const lowerRearrangement: BlockedRule = (node, layouts) => {
  const tensors = (node.operator === Concat ? node.inputs : node.inputs.slice(0, 1)) as Value[];
  const output = node.outputs[0] as Value;
  if (!tensors.some((value) => layouts.isBlocked(value))) return false;
  if (![output, ...tensors].every((value) => layouts.fits(value))) return false;
  const axis = rearrangedAxis(node, layouts.block);
  if (axis !== 0 && axis !== 1) return false;
  const inputs = node.inputs.map(
    (value) => value && (tensors.includes(value) ? layouts.blocked(value) : layouts.plain(value)),
  );
  layouts.setBlocked(output, layouts.target.apply(node.operator, inputs, node.attributes)[0] as Value);
  return true;
};

/** The axis that a Concat or Slice works along; undefined where there are several, or blocks are cut. */
function rearrangedAxis(node: Node, block: number): number | undefined {
  if (node.operator === Concat) return intOr(node.attributes, "axis", 0);
  const [, starts, , axes, steps] = node.inputs.map(integersOf);
  if (steps?.some((step) => step !== 1) || axes?.length !== 1) return undefined;
  return axes[0] === 1 && (starts?.[0] as number) % block !== 0 ? undefined : axes[0];
}
