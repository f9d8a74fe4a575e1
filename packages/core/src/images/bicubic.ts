import { ImageError } from "../errors.js";
import { type Image, imageOf, peak, rounded, samples } from "./image.js";

/**
 * MATLAB's imresize(…, "bicubic"), which made the LR images of every SR benchmark.
 *
 * An output sample i (counted from 1) lies at u = i/s + (1 − 1/s)/2 of the input and is Σ_j s'·h(s'·(u − j)) · input[j],
 * normalised to weights of sum 1, with s' = min(s, 1): when shrinking, the kernel is stretched by 1/s (antialiasing).
 * h is Keys' cubic with a = −1/2; beyond the border the input is mirrored, the border sample itself included.
 */

type Samples = Uint8Array | Uint16Array | Float32Array | Float64Array;

/** Outputs `start` to `end` of an axis: output start + i = Σ_k weights[i·taps + k] · input[indices[i·taps + k]]. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly taps: number;
  readonly indices: Int32Array;
  readonly weights: Float64Array;
}

/** One axis: its outputs' number, and their weights in stretches, so that tables stay small however long the axis. */
interface Axis {
  readonly length: number;
  stretches(): Generator<Stretch>;
}

/** Outputs of a stretch, and samples of a row that are summed at once. */
const STRETCH = 4096;
const SEGMENT = 65_536;

/** Keys' cubic convolution kernel, a = −1/2. */
function cubic(x: number): number {
  const a = Math.abs(x);
  if (a <= 1) return 1.5 * a * a * a - 2.5 * a * a + 1;
  if (a <= 2) return -0.5 * a * a * a + 2.5 * a * a - 4 * a + 2;
  return 0;
}

function resampling(inputLength: number, scale: number): Axis {
  const length = Math.ceil(inputLength * scale);
  return {
    length,
    *stretches() {
      for (let start = 0; start < length; start += STRETCH) {
        yield stretchOf(inputLength, scale, start, Math.min(start + STRETCH, length));
      }
    },
  };
}

function stretchOf(inputLength: number, scale: number, start: number, end: number): Stretch {
  const length = end - start;
  const shrink = Math.min(scale, 1);
  const support = 4 / shrink;
  const taps = Math.ceil(support) + 2;
  const indices = new Int32Array(length * taps);
  const weights = new Float64Array(length * taps);
  let first = taps;
  let last = 0;
  for (let i = 0; i < length; i++) {
    const centre = (start + i + 1) / scale + 0.5 * (1 - 1 / scale);
    const left = Math.floor(centre - support / 2);
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      const weight = shrink * cubic(shrink * (centre - (left + k)));
      weights[i * taps + k] = weight;
      indices[i * taps + k] = mirrored(left + k - 1, inputLength);
      sum += weight;
      if (weight !== 0) {
        first = Math.min(first, k);
        last = Math.max(last, k);
      }
    }
    for (let k = 0; k < taps; k++) weights[i * taps + k] = (weights[i * taps + k] as number) / sum;
  }
  return trimmed({ start, end, taps, indices, weights }, first, last + 1);
}

/** All outputs of an axis that gets another length, as `imresize` to a size has them. */
export const bicubicAxis = (inputLength: number, outputLength: number): Stretch =>
  stretchOf(inputLength, outputLength / inputLength, 0, outputLength);

/** Index into 0..length−1 of a position on the axis continued by reflection: … 1 0 | 0 1 2 … n−1 | n−1 n−2 … */
function mirrored(position: number, length: number): number {
  const period = 2 * length;
  const phase = ((position % period) + period) % period;
  return phase < length ? phase : period - 1 - phase;
}

/** Without the outer taps whose weight is zero everywhere. */
function trimmed({ start, end, ...all }: Stretch, first: number, behind: number): Stretch {
  const taps = behind - first;
  const indices = new Int32Array((end - start) * taps);
  const weights = new Float64Array((end - start) * taps);
  for (let i = 0; i < end - start; i++) {
    const from = i * all.taps + first;
    indices.set(all.indices.subarray(from, from + taps), i * taps);
    weights.set(all.weights.subarray(from, from + taps), i * taps);
  }
  return { start, end, taps, indices, weights };
}

/** Combines rows of `rowLength` samples. Accumulates in double; `top` rounds half away from zero and clips to 0..top. */
function resampleRows(source: Samples, rowLength: number, axis: Axis, target: Samples, top?: number): void {
  const sums = new Float64Array(Math.min(rowLength, SEGMENT));
  for (const stretch of axis.stretches()) {
    for (let from = 0; from < rowLength; from += SEGMENT) {
      const count = Math.min(SEGMENT, rowLength - from);
      const part = sums.subarray(0, count);
      for (let y = stretch.start; y < stretch.end; y++) {
        sumRows(source, from, rowLength, stretch, y, part);
        const out = y * rowLength + from;
        if (top === undefined) {
          target.set(part, out);
        } else {
          for (let x = 0; x < count; x++) target[out + x] = rounded(part[x] as number, top);
        }
      }
    }
  }
}

/** Sums of row y of the output, from sample `from` of the row on. */
function sumRows(
  source: Samples,
  from: number,
  rowLength: number,
  { start, taps, indices, weights }: Stretch,
  y: number,
  sums: Float64Array,
): void {
  const count = sums.length;
  sums.fill(0);
  let k = (y - start) * taps;
  const end = k + taps;
  for (; k + 4 <= end; k += 4) {
    const w0 = weights[k] as number;
    const w1 = weights[k + 1] as number;
    const w2 = weights[k + 2] as number;
    const w3 = weights[k + 3] as number;
    const r0 = (indices[k] as number) * rowLength + from;
    const r1 = (indices[k + 1] as number) * rowLength + from;
    const r2 = (indices[k + 2] as number) * rowLength + from;
    const r3 = (indices[k + 3] as number) * rowLength + from;
    for (let x = 0; x < count; x++) {
      sums[x] =
        (sums[x] as number) +
        w0 * (source[r0 + x] as number) +
        w1 * (source[r1 + x] as number) +
        w2 * (source[r2 + x] as number) +
        w3 * (source[r3 + x] as number);
    }
  }
  for (; k < end; k++) {
    const weight = weights[k] as number;
    const row = (indices[k] as number) * rowLength + from;
    for (let x = 0; x < count; x++) sums[x] = (sums[x] as number) + weight * (source[row + x] as number);
  }
}

/** Combines the pixels of each row, `channels` side by side. As `resampleRows`. */
function resampleColumns(
  source: Samples,
  width: number,
  height: number,
  channels: number,
  axis: Axis,
  target: Samples,
  top?: number,
): void {
  // Three channels at once share the weights' loads; of 1, 2 or 4 channels each is combined alone.
  const group = channels === 3 ? 3 : 1;
  for (const { start, end: behind, taps, indices, weights } of axis.stretches()) {
    for (let y = 0; y < height; y++) {
      let out = (y * axis.length + start) * channels;
      for (let x = 0; x < behind - start; x++) {
        for (let channel = 0; channel < channels; channel += group) {
          const row = y * width * channels + channel;
          const end = (x + 1) * taps;
          let sum0 = 0;
          let sum1 = 0;
          let sum2 = 0;
          if (group === 3) {
            for (let k = x * taps; k < end; k++) {
              const weight = weights[k] as number;
              const at = row + (indices[k] as number) * 3;
              sum0 += weight * (source[at] as number);
              sum1 += weight * (source[at + 1] as number);
              sum2 += weight * (source[at + 2] as number);
            }
            target[out + 1] = top === undefined ? sum1 : rounded(sum1, top);
            target[out + 2] = top === undefined ? sum2 : rounded(sum2, top);
          } else {
            for (let k = x * taps; k < end; k++) {
              sum0 += (weights[k] as number) * (source[row + (indices[k] as number) * channels] as number);
            }
          }
          target[out] = top === undefined ? sum0 : rounded(sum0, top);
          out += group;
        }
      }
    }
  }
}

function checkScale(scale: number): void {
  if (!(scale > 0 && Number.isFinite(scale))) {
    throw new ImageError(`an image cannot be resized by ${scale}: the factor must be a positive number`);
  }
}

/**
 * MATLAB's imresize(image, scale) of 8- or 16-bit samples: first along the height, rounded and clipped to the depth, then
 * along the width, rounded and clipped again. Channels (alpha too) are resized one by one.
 * @param scale 1/2 halves, 2 doubles; sizes become ⌈size · scale⌉
 * @throws ImageError if the scale is not positive
 */
export function resizeBicubic(image: Image, scale: number): Image {
  checkScale(scale);
  const { width, height, channels, depth } = image;
  const rows = resampling(height, scale);
  const columns = resampling(width, scale);
  const top = peak(depth);
  const narrow = samples(depth, rows.length * width * channels);
  resampleRows(image.data, width * channels, rows, narrow, top);
  const data = samples(depth, rows.length * columns.length * channels);
  resampleColumns(narrow, width, rows.length, channels, columns, data, top);
  return imageOf(columns.length, rows.length, channels, data);
}

/** A stack of float planes: `planes` · `height` · `width` values. */
export interface FloatPlanes<T extends Float32Array | Float64Array = Float32Array> {
  readonly planes: number;
  readonly width: number;
  readonly height: number;
  readonly data: T;
}

/**
 * MATLAB's imresize(image, scale) of floating-point planes: the same weights, nothing rounded or clipped.
 * @throws ImageError if the scale is not positive or the data's length is not planes · height · width
 */
export function resizePlanesBicubic<T extends Float32Array | Float64Array>(
  image: FloatPlanes<T>,
  scale: number,
): FloatPlanes<T> {
  checkScale(scale);
  const { planes, width, height, data } = image;
  if (data.length !== planes * width * height) {
    throw new ImageError(`${planes} planes of ${width}×${height} are not ${data.length} values`);
  }
  const rows = resampling(height, scale);
  const columns = resampling(width, scale);
  const narrow = new Float64Array(rows.length * width);
  const area = rows.length * columns.length;
  const result = (
    data instanceof Float32Array ? new Float32Array(planes * area) : new Float64Array(planes * area)
  ) as T;
  for (let plane = 0; plane < planes; plane++) {
    resampleRows(data.subarray(plane * width * height, (plane + 1) * width * height), width, rows, narrow);
    resampleColumns(narrow, width, rows.length, 1, columns, result.subarray(plane * area, (plane + 1) * area));
  }
  return { planes, width: columns.length, height: rows.length, data: result };
}
