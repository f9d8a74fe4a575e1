import type { Shape, Value } from "../../graph/index.js";
import { adjointPads, type Border, type ConvolutionGeometry, shape4 } from "../../operators/geometry.js";
import { concat, gather, matMul, pad, reduceSum, reshape, slice, transpose } from "../../operators/index.js";

/** Elements of a float32 tensor that any WebGPU kernel can bind: 128 MiB. */
const MOST_ELEMENTS = 2 ** 25;

/**
 * dw of a convolution, [O, I/group, kh, kw]. For each sample one product: of dy, [O, positions], by the input under the taps,
 * [positions, taps · I]; then the sum over samples. At stride 1 the input may as well stand still and dy move the other way,
 * dw[o, i, k] = Σₚ x[i, p] · dy[o, p − d·k + pad], where dy has fewer channels to be copied for each tap.
 */
export function weightGradient(x: Value, dy: Value, weightShape: Shape, geometry: ConvolutionGeometry): Value {
  const taps = Array.from({ length: geometry.kernel[0] * geometry.kernel[1] }, (_, tap) => tap);
  const pads = adjointPads(geometry);
  const [filters, channels] = weightShape as [number, number];
  const isAlike = geometry.group === 1 && geometry.strides.every((stride) => stride === 1);
  if (isAlike && filters < channels && pads.every((size) => size >= 0)) {
    // [N, I, taps, O] → [O, I, taps, N]
    const products = productsOf(x, dy, taps.reverse(), { ...geometry, pads });
    return reshape(first(summed(transpose(products, [3, 1, 2, 0])), 0, filters), weightShape);
  }
  // [N, O, taps, I/group] → [O, I/group, taps, N]
  const products = productsOf(dy, x, taps, geometry);
  return reshape(first(summed(transpose(products, [1, 3, 2, 0])), 1, channels), weightShape);
}

/** Over their last axis kernels add up without a copy. */
const summed = (products: Value): Value => reduceSum(products, { axes: [3] });

const first = (x: Value, axis: number, count: number): Value =>
  x.shape[axis] === count ? x : slice(x, [{ axis, start: 0, end: count }]);

/**
 * Σₚ still[n, c, p] · moved[n, m, strides · p + dilations · tap − pad], of the channels m in c's group: [N, C, taps, M/group], and
 * zeros behind them. Many taps of large images are taken in parts.
 */
function productsOf(still: Value, moved: Value, taps: readonly number[], geometry: ConvolutionGeometry): Value {
  const { group, pads } = geometry;
  const [batch, channels, height, width] = shape4(still);
  const rows = reshape(still, [batch, group, channels / group, height * width]);
  // Products of fours of numbers have a kernel several times as fast.
  const added = group === 1 && taps.length > 1 ? -(moved.shape[1] as number) & 3 : 0;
  const pixels = around(transpose(moved, [0, 2, 3, 1]), pads, added);
  const movedChannels = pixels.shape[3] as number;
  const atOnce = Math.max(1, Math.floor(MOST_ELEMENTS / (batch * height * width * movedChannels)));
  const parts: Value[] = [];
  for (let start = 0; start < taps.length; start += atOnce) {
    const some = taps.slice(start, start + atOnce);
    const columns = underTaps(pixels, some, [height, width], geometry);
    parts.push(reshape(matMul(rows, columns), [batch, channels, some.length, movedChannels / group]));
  }
  return parts.length === 1 ? (parts[0] as Value) : concat(parts, 2);
}

/** The pixels that some taps lie on, for each position of the window: [N, H, W, C] → [N, group, positions, taps · C/group]. */
function underTaps(
  pixels: Value,
  taps: readonly number[],
  [rows, columns]: readonly [number, number],
  { kernel, strides, dilations, group }: ConvolutionGeometry,
): Value {
  const [batch, height, width, channels] = shape4(pixels);
  const places: number[] = [];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      for (const tap of taps) {
        const row = y * strides[0] + Math.floor(tap / kernel[1]) * dilations[0];
        places.push(row * width + x * strides[1] + (tap % kernel[1]) * dilations[1]);
      }
    }
  }
  const flat = reshape(pixels, [batch, height * width, channels]);
  const areAll = places.length === height * width && places.every((place, i) => place === i);
  const taken = areAll ? flat : gather(flat, pixels.graph.integers(places), 1);
  const positions = rows * columns;
  if (group === 1) return reshape(taken, [batch, 1, positions, taps.length * channels]);
  const inGroups = transpose(reshape(taken, [batch, positions, taps.length, group, channels / group]), [0, 3, 1, 2, 4]);
  return reshape(inGroups, [batch, group, positions, (taps.length * channels) / group]);
}

/** Zeros around the rows and columns of [N, H, W, C], and behind the channels. */
const around = (pixels: Value, [top, left, bottom, right]: Border, behind: number): Value =>
  top + left + bottom + right + behind === 0 ? pixels : pad(pixels, [0, top, left, 0, 0, bottom, right, behind]);
