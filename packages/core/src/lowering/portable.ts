import {
  type Attributes,
  elements,
  type Graph,
  int,
  intOr,
  type Replacement,
  rewrite,
  text,
  type Value,
} from "../graph/index.js";
import {
  concat,
  conv,
  convTranspose,
  expand,
  matMul,
  pad,
  reduceSum,
  reshape,
  slice,
  transpose,
} from "../operators/index.js";
import { adjointPads, type ConvolutionGeometry, geometryOf, isPlain, shape4, shapeAttribute } from "./convolution.js";

/** Writes our own operators as ONNX's, for any device. */
export const lowerOwnOperators = (graph: Graph): Graph => rewrite(graph, () => portableReplacement);

/** What stands for each of our own operators; other nodes are left alone. */
export const portableReplacement: Replacement = (node, inputs) => {
  const [first, second] = inputs as [Value, Value];
  switch (node.operator) {
    case "ConvInputGradient":
      return [inputGradient(first, second, shapeAttribute(node), geometryOf(node.attributes))];
    case "ConvWeightGradient":
      return [weightGradient(first, second, shapeAttribute(node), geometryOf(node.attributes))];
    case "MaxPoolGradient":
      return [scatterWindows(first, inputs[3] as Value, second.shape, node.attributes)];
    case "PixelUnshuffle":
      return [unshuffle(first, intOr(node.attributes, "blocksize", 1))];
    case "StopGradient":
      return [first];
    default:
      return undefined;
  }
};

/**
 * dx of a convolution. For stride 1 it is a convolution too: of dy with the kernel turned by 180° and its channel axes
 * swapped. Otherwise a transposed convolution.
 */
function inputGradient(dy: Value, weight: Value, inputShape: readonly number[], geometry: ConvolutionGeometry): Value {
  const pads = adjointPads(geometry);
  if (isPlain(geometry) && pads.every((size) => size >= 0)) return conv(dy, adjointWeight(weight), undefined, { pads });
  const { kernel, strides, dilations, group } = geometry;
  const outputPadding = [0, 1].map((i) => {
    const extent = (kernel[i as 0 | 1] - 1) * dilations[i as 0 | 1] + 1;
    const padded = (inputShape[2 + i] as number) + geometry.pads[i as 0 | 1] + (geometry.pads[2 + i] as number);
    return (padded - extent) % strides[i as 0 | 1];
  });
  return convTranspose(dy, weight, { pads: geometry.pads, strides, dilations, group, outputPadding });
}

/** The kernel turned by 180°, channel axes swapped: [O, I, kh, kw] → [I, O, kh, kw]. */
export function adjointWeight(weight: Value): Value {
  const [, , height, width] = shape4(weight);
  const swapped = transpose(weight, [1, 0, 2, 3]);
  return height === 1 && width === 1 ? swapped : turned(swapped);
}

/** The last two axes reversed. */
export const turned = (weight: Value): Value => {
  const [, , height, width] = shape4(weight);
  return slice(weight, [
    { axis: 2, start: height - 1, end: -height - 1, step: -1 },
    { axis: 3, start: width - 1, end: -width - 1, step: -1 },
  ]);
};

/** dw of a convolution, [O, I/group, kh, kw]: for each tap a product of dy with the input under that tap, over all positions. */
function weightGradient(x: Value, dy: Value, weightShape: readonly number[], geometry: ConvolutionGeometry): Value {
  const { group, kernel } = geometry;
  const [batch, filters] = shape4(dy);
  const perGroup = weightShape[1] as number;
  const taps = isPlain(geometry) ? flatTaps(x, dy, geometry) : stridedTaps(x, dy, geometry);
  const products = taps.map(({ shifted, gradient }) => {
    const positions = shifted.shape.at(-1) as number;
    const columns = reshape(shifted, [batch, group, perGroup, positions]);
    const rows = reshape(gradient, [batch, group, filters / group, positions]);
    return matMul(rows, columns, { transposeRight: true });
  });
  // [taps][N, group, O/group, I/group] → [O, I/group, taps]
  const summed = reduceSum(
    concat(
      products.map((p) => reshape(p, [batch, filters * perGroup, 1])),
      2,
    ),
    { axes: [0] },
  );
  return reshape(summed, [filters, perGroup, ...kernel]);
}

interface Tap {
  /** Input values under the tap, [N, I, positions]. */
  shifted: Value;
  /** dy at the same positions, [N, O, positions]. */
  gradient: Value;
}

/**
 * For stride 1: on a grid as wide as the padded input, a tap is a shift of the flat index, so one contiguous slice per
 * channel. dy has zeros where the wider grid goes past its rows.
 */
function flatTaps(x: Value, dy: Value, { kernel, pads }: ConvolutionGeometry): Tap[] {
  const [batch, channels, height, width] = shape4(x);
  const [, filters, outHeight, outWidth] = shape4(dy);
  const [top, left, bottom, right] = pads;
  const [gridHeight, gridWidth] = [height + top + bottom, width + left + right];
  const flatInput = reshape(around(x, pads), [batch, channels, gridHeight * gridWidth]);
  const flatGradient = reshape(around(dy, [0, 0, 0, gridWidth - outWidth]), [batch, filters, outHeight * gridWidth]);
  const length = (outHeight - 1) * gridWidth + outWidth;
  const stretch = (value: Value, start: number) =>
    start === 0 && value.shape[2] === length ? value : slice(value, [{ axis: 2, start, end: start + length }]);
  const gradient = stretch(flatGradient, 0);
  return tapOffsets(kernel).map(([i, j]) => ({ shifted: stretch(flatInput, i * gridWidth + j), gradient }));
}

function stridedTaps(x: Value, dy: Value, { kernel, strides, dilations, pads }: ConvolutionGeometry): Tap[] {
  const [batch, channels] = shape4(x);
  const [, filters, outHeight, outWidth] = shape4(dy);
  const positions = outHeight * outWidth;
  const padded = around(x, pads);
  const gradient = reshape(dy, [batch, filters, positions]);
  return tapOffsets(kernel).map(([i, j]) => {
    const [startY, startX] = [i * dilations[0], j * dilations[1]];
    const ranges = [
      { axis: 2, start: startY, end: startY + (outHeight - 1) * strides[0] + 1, step: strides[0] },
      { axis: 3, start: startX, end: startX + (outWidth - 1) * strides[1] + 1, step: strides[1] },
    ];
    return { shifted: reshape(slice(padded, ranges), [batch, channels, positions]), gradient };
  });
}

const tapOffsets = ([height, width]: readonly [number, number]): [number, number][] =>
  Array.from({ length: height * width }, (_, tap) => [Math.floor(tap / width), tap % width]);

/** Zeros around the last two axes: top, left, bottom, right. */
export const around = (x: Value, [top, left, bottom, right]: readonly [number, number, number, number]): Value =>
  top + left + bottom + right === 0 ? x : pad(x, [0, 0, top, left, 0, 0, bottom, right]);

/** [N, C, r·H, r·W] → [N, C·r², H, W], the inverse of a pixel shuffle. */
function unshuffle(x: Value, r: number): Value {
  const [batch, channels, height, width] = shape4(x);
  const blocks = reshape(x, [batch, channels, height / r, r, width / r, r]);
  return reshape(transpose(blocks, [0, 1, 3, 5, 2, 4]), [batch, channels * r ** 2, height / r, width / r]);
}

/** dx of a max pooling: each output's gradient added at the flat index of its maximum. */
function scatterWindows(dy: Value, indices: Value, inputShape: readonly number[], attributes: Attributes): Value {
  const { graph } = dy;
  const size = elements(inputShape);
  const count = elements(dy.shape);
  const zeros = expand(graph.scalar(0), [size]);
  const { kernel, strides, dilations } = geometryOf(attributes);
  const overlapping = kernel.some((taps, i) => (taps - 1) * (dilations[i] as number) + 1 > (strides[i] as number));
  const scattered = graph.apply("ScatterElements", [zeros, reshape(indices, [count]), reshape(dy, [count])], {
    axis: int(0),
    ...(overlapping && { reduction: text("add") }),
  })[0] as Value;
  return reshape(scattered, inputShape);
}
