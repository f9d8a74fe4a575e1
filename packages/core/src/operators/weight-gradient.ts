import type { Shape, Value } from "../graph/index.js";
import { type ConvolutionGeometry, isPlain, shape4 } from "./geometry.js";
import { concat, slice } from "./joining.js";
import { around } from "./planes.js";
import { matMul } from "./products.js";
import { reduceSum } from "./reductions.js";
import { reshape } from "./reshaping.js";

/** dw of a convolution, [O, I/group, kh, kw]: for each tap a product of dy with the input under that tap, over all positions. */
export function weightGradient(x: Value, dy: Value, weightShape: Shape, geometry: ConvolutionGeometry): Value {
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
