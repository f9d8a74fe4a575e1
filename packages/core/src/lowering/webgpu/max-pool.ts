import type { Node, Value } from "../../graph/index.js";
import { single } from "../../operators/apply.js";
import { type ConvolutionGeometry, geometryOf, shape4 } from "../../operators/geometry.js";
import { equal, Pad, pad, reshape, slice, sum, where } from "../../operators/index.js";

/**
 * dx of a max pooling from its values alone: under each tap of the window, dy where the input equals the maximum and no
 * earlier tap did, put back where the tap took it from.
 */
export function compareWindows(dy: Value, x: Value, y: Value, node: Node): Value {
  const geometry = geometryOf(node);
  const [height, width] = geometry.kernel;
  // What no tap has taken yet; a disjunction has no kernel.
  let left = dy;
  const terms: Value[] = [];
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const equals = equal(underTap(x, y, geometry, [i, j]), y);
      terms.push(putBack(where(equals, left, 0), x, geometry, [i, j]));
      left = where(equals, 0, left);
    }
  }
  return sum(terms);
}

type Tap = readonly [number, number];

/** The input's values at one tap of every window, in y's shape; below every number outside of the input. */
function underTap(x: Value, y: Value, { strides, dilations, pads }: ConvolutionGeometry, tap: Tap): Value {
  const ranges = [0, 1].map((axis) => {
    const start = tap[axis as 0 | 1] * dilations[axis as 0 | 1];
    const end = start + ((y.shape[2 + axis] as number) - 1) * strides[axis as 0 | 1] + 1;
    return { axis: 2 + axis, start, end, step: strides[axis as 0 | 1] };
  });
  const [bottom, right] = ranges.map(({ axis, end }) => end - (x.shape[axis] as number) - (pads[axis - 2] as number));
  const border = [pads[0], pads[1], Math.max(pads[2], bottom as number), Math.max(pads[3], right as number)];
  const [top, left, below, beside] = border as [number, number, number, number];
  const lowest = x.graph.scalar(Number.NEGATIVE_INFINITY);
  const sizes = x.graph.integers([0, 0, top, left, 0, 0, below, beside]);
  return slice(border.some((size) => size > 0) ? single(Pad, [x, sizes, lowest]) : x, ranges);
}

/** The inverse: values of y's shape at the positions of x that the tap took them from, zeros elsewhere. */
function putBack(values: Value, x: Value, { strides, dilations, pads }: ConvolutionGeometry, tap: Tap): Value {
  const [batch, channels, rows, columns] = shape4(values);
  const [, , height, width] = shape4(x);
  const [vertical, horizontal] = strides;
  const spread = reshape(
    pad(reshape(values, [batch * channels, rows, 1, columns, 1]), [
      ...[0, 0, 0, 0, 0],
      ...[0, 0, vertical - 1, 0, horizontal - 1],
    ]),
    [batch, channels, rows * vertical, columns * horizontal],
  );
  const [top, left] = [tap[0] * dilations[0] - pads[0], tap[1] * dilations[1] - pads[1]];
  const around = [0, 0, top, left, 0, 0, height - rows * vertical - top, width - columns * horizontal - left];
  return around.every((size) => size === 0) ? spread : pad(spread, around);
}
