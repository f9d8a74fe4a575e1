import type { Node, Value } from "@slimsr/core/internal/graph/index.js";
import { type ConvolutionGeometry, geometryOf } from "@slimsr/core/internal/operators/geometry.js";
import { concat, expand, matMul, pad, reduceSum, reshape, slice } from "@slimsr/core/internal/operators/index.js";
import type { Output, Sought } from "./sought.js";

/** The sums of any convolution's equations, by what lies under each of its taps: a batch adds outputs `gram` [groups, F, F] and `cross` [groups, O, F] to them. */
export function declareProducts(
  x: Value,
  node: Node,
  target: Value,
  groups: number,
  sought: readonly Sought[],
  output: Output,
): void {
  const features = convolutionFeatures(x, node, target.shape.slice(2) as [number, number], groups);
  const [batch, , , area] = features.shape as [number, number, number, number];
  const filters = target.shape[1] as number;
  const flat = reshape(target, [batch, groups, filters / groups, area]);
  const over = (value: Value) => (batch === 1 ? reshape(value, value.shape.slice(1)) : reduceSum(value, { axes: [0] }));
  if (sought.includes("gram")) output("gram", over(matMul(features, features, { transposeRight: true })));
  if (sought.includes("cross")) output("cross", over(matMul(flat, features, { transposeRight: true })));
}

/** The features of a convolution of x [N, C, H, W] in `groups`: [N, groups, F, positions]. */
function convolutionFeatures(x: Value, node: Node, positions: readonly [number, number], groups: number): Value {
  const geometry = geometryOf({ attributes: node.attributes, inputs: [x, node.inputs[1]] });
  const [batch, channels] = x.shape as [number, number, number, number];
  const area = positions[0] * positions[1];
  const taps = tapsUnder(x, geometry, positions).map((tap) => reshape(tap, [batch, groups, channels / groups, area]));
  const constant = node.inputs[2] ? [expand(x.graph.scalar(1), [batch, groups, 1, area])] : [];
  return concat([...taps, ...constant], 2);
}

function tapsUnder(
  x: Value,
  { kernel, strides, dilations, pads }: ConvolutionGeometry,
  positions: readonly number[],
): Value[] {
  const padded = pads.some((size) => size > 0) ? pad(x, [0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]]) : x;
  if (kernel.every((size) => size === 1) && strides.every((stride) => stride === 1)) return [padded];
  return Array.from({ length: kernel[0] * kernel[1] }, (_, tap) => {
    const at = [Math.floor(tap / kernel[1]), tap % kernel[1]];
    return slice(
      padded,
      [0, 1].map((i) => {
        const [start, stride] = [(at[i] as number) * (dilations[i] as number), strides[i] as number];
        return { axis: 2 + i, start, end: start + ((positions[i] as number) - 1) * stride + 1, step: stride };
      }),
    );
  });
}
