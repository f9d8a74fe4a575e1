import { GraphError } from "../../errors.js";
import { intOr, intsOr, textOr, type Value } from "../../graph/index.js";
import { pixelUnshuffle } from "../../operators/gradients.js";
import { concat, expand, pad, reshape, slice, transpose } from "../../operators/index.js";
import { type GradientRule, input, unbroadcast } from "../rule.js";

const restore: GradientRule = (node, [dy]) => [dy && reshape(dy, input(node, 0).shape)];

const axisOf = (attributes: Parameters<typeof intOr>[0], rank: number, otherwise: number): number => {
  const axis = intOr(attributes, "axis", otherwise);
  return axis < 0 ? axis + rank : axis;
};

/** Each part's gradient is its stretch of the whole's. */
const concatRule: GradientRule = (node, [dy], wanted) => {
  if (!dy) return [];
  const axis = axisOf(node.attributes, dy.shape.length, 0);
  let start = 0;
  return node.inputs.map((part, i) => {
    const end = start + (part?.shape[axis] ?? 0);
    const gradient = wanted[i] ? slice(dy, [{ axis, start, end }]) : undefined;
    start = end;
    return gradient;
  });
};

/** The whole's gradient is its parts' put together, zeros where nothing depends on a part. */
const splitRule: GradientRule = (node, gradients) => {
  const x = input(node, 0);
  const parts = node.outputs.map((part, i) => gradients[i] ?? expand(x.graph.scalar(0), part.shape));
  return [concat(parts, axisOf(node.attributes, x.shape.length, 0))];
};

const constantIntegers = (value: Value | undefined): number[] | undefined =>
  value && Array.from(value.data as BigInt64Array, Number);

/** What was cut away gets zeros: a pad on each side. */
const sliceRule: GradientRule = (node, [dy]) => {
  if (!dy) return [];
  const x = input(node, 0);
  const [starts, , axes, steps] = [1, 2, 3, 4].map((i) => constantIntegers(node.inputs[i]));
  if (steps?.some((step) => step !== 1)) throw new GraphError("Slice has a gradient rule for steps of 1 only");
  const before = x.shape.map(() => 0);
  starts?.forEach((start, i) => {
    const axis = ((axes?.[i] ?? i) + x.shape.length) % x.shape.length;
    const size = x.shape[axis] as number;
    before[axis] = Math.min(Math.max(start < 0 ? start + size : start, 0), size);
  });
  const after = x.shape.map((size, i) => size - (before[i] as number) - (dy.shape[i] as number));
  return [pad(dy, [...before, ...after])];
};

/** Zeros have no gradient: the pads are cut away, what a negative pad had cut away gets zeros. */
const padRule: GradientRule = (node, [dy]) => {
  if (textOr(node.attributes, "mode", "constant") !== "constant") {
    throw new GraphError("Pad has a gradient rule for mode constant only");
  }
  const pads = constantIntegers(node.inputs[1]) ?? [];
  return [
    dy &&
      pad(
        dy,
        pads.map((size) => -size),
      ),
  ];
};

const transposeRule: GradientRule = (node, [dy]) => {
  if (!dy) return [];
  const reversed = dy.shape.map((_, i) => i).reverse();
  const permutation = intsOr(node.attributes, "perm", reversed);
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return [transpose(dy, inverse)];
};

/** The inverse of a pixel shuffle (CRD). */
const depthToSpaceRule: GradientRule = (node, [dy]) => {
  if (textOr(node.attributes, "mode", "DCR") !== "CRD") {
    throw new GraphError("DepthToSpace has a gradient rule for mode CRD only");
  }
  return [dy && pixelUnshuffle(dy, intOr(node.attributes, "blocksize", 1))];
};

/** Sum of the copies; along an axis that was repeated whole. */
const expandRule: GradientRule = (node, [dy]) => [dy && unbroadcast(dy, input(node, 0).shape)];

export const arrangementRules: Record<string, GradientRule> = {
  Reshape: restore,
  Squeeze: restore,
  Unsqueeze: restore,
  Flatten: restore,
  Concat: concatRule,
  Split: splitRule,
  Slice: sliceRule,
  Pad: padRule,
  Transpose: transposeRule,
  DepthToSpace: depthToSpaceRule,
  Expand: expandRule,
};
