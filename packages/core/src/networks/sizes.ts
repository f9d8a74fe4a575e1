import { type Attributes, int, type Operator, text, type Value } from "../graph/index.js";
import {
  concat,
  Expand,
  gather,
  Mod,
  Mul,
  neg,
  Pad,
  resizeTo,
  Slice,
  SpaceToDepth,
  shapeOf,
  slice,
} from "../operators/index.js";

// What depends on an image's size is computed in the graph, so that a network that is deployed takes any.

/** x [N, C, h, w] interpolated bilinearly to the height and width of `like`. */
export const resizeLike = (x: Value, like: Value): Value =>
  resizeTo(x, concat([sizesOf(x, 0, 2), sizesOf(like, 2, 4)], 0));

/**
 * A network whose images' sides must be multiples of `multiple`, for any: their last row and column are repeated as often as it
 * takes, and what the network makes of that is cut off.
 * @param scale what the network magnifies by
 */
export function atMultiple(image: Value, multiple: number, scale: number, network: (x: Value) => Value): Value {
  if (multiple === 1) return network(image);
  const { graph } = image;
  const size = sizesOf(image, 2, 4);
  const lacking = apply(Mod, [neg(size), graph.integers([multiple])]);
  const pads = concat([graph.integers(Array(6).fill(0)), lacking], 0);
  const made = network(apply(Pad, [image, pads], { mode: text("edge") }));
  const end = scale === 1 ? size : apply(Mul, [size, graph.integers([scale])]);
  return apply(Slice, [made, graph.integers([0, 0]), end, graph.integers([2, 3])]);
}

/** One plane [N, 1, H, W] of a number, as large as x [N, C, H, W]. */
export function filledLike(x: Value, number: number): Value {
  const shape = concat([sizesOf(x, 0, 1), x.graph.integers([1]), sizesOf(x, 2, 4)], 0);
  return apply(Expand, [x.graph.scalar(number), shape]);
}

/** PyTorch's inverse of a pixel shuffle: [N, C, r·H, r·W] → [N, C·r², H, W], the pixels of a channel's block adjacent. */
export function pixelUnshuffle(x: Value, r: number): Value {
  if (r === 1) return x;
  const channels = x.shape[1] as number;
  // ONNX's has pixel s of channel c at s·C + c.
  const order = Array.from({ length: channels * r ** 2 }, (_, i) => (i % r ** 2) * channels + Math.floor(i / r ** 2));
  const depth = apply(SpaceToDepth, [x], { blocksize: int(r) });
  return channels === 1 ? depth : gather(depth, x.graph.integers(order), 1);
}

/** The shape of x from axis `start` to before `end`. */
const sizesOf = (x: Value, start: number, end: number): Value => slice(shapeOf(x), [{ axis: 0, start, end }]);

const apply = (operator: Operator, inputs: readonly Value[], attributes: Attributes = {}): Value =>
  (inputs[0] as Value).graph.apply(operator, inputs, attributes)[0] as Value;
