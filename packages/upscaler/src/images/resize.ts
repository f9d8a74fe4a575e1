import { ImageError } from "@slimsr/core/internal/errors.js";
import { bicubicAxis, type Stretch } from "@slimsr/core/internal/images/bicubic.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { rounded } from "@slimsr/core/internal/images/image.js";
import { cropPixels, depthOf, emptyPixels, hasAlpha, type PixelSource, type Pixels, peakOf } from "./pixels.js";
import type { Rectangle } from "./planes.js";

/**
 * An image in another size, by MATLAB's bicubic (antialiased where it shrinks), while its bands come in from the top: as many rows are
 * held as an output row depends on. Colours are weighted by alpha.
 */
export async function* resizedBands(bands: AsyncIterable<Pixels>, from: Size, to: Size): AsyncGenerator<Pixels> {
  const columns = bicubicAxis(from.width, to.width);
  const rows = bicubicAxis(from.height, to.height);
  const held = new Map<number, Float32Array>();
  let read = 0;
  let written = 0;
  for await (const band of bands) {
    for (let row = 0; row < band.height; row++) held.set(read++, narrowedRow(band, row, columns));
    let end = written;
    while (end < to.height && span(rows, end).last < read) end++;
    if (end === written) continue;
    yield combined(held, rows, written, end, { ...band, width: to.width });
    written = end;
    const needed = written < to.height ? span(rows, written).first : read;
    for (const row of held.keys()) if (row < needed) held.delete(row);
  }
}

/** Pixels at each side that an enlarged one depends on. */
const RADIUS = 3;

/**
 * A part of an image as `resizedBands` enlarges it, alone.
 * @param scale whole @param part a rectangle of the enlarged image
 */
export async function bicubicPart(source: PixelSource, scale: number, part: Rectangle): Promise<Pixels> {
  const from = (start: number) => Math.max(0, Math.floor(start / scale) - RADIUS);
  const to = (end: number, length: number) => Math.min(length, Math.ceil(end / scale) + RADIUS);
  const [left, top] = [from(part.x), from(part.y)];
  const width = to(part.x + part.width, source.width) - left;
  const height = to(part.y + part.height, source.height) - top;
  const rows = await source.read(top, height);
  const small = cropPixels(rows, { x: left, y: 0, width, height });
  const size = { width: width * scale, height: height * scale };
  async function* whole() {
    yield small;
  }
  for await (const large of resizedBands(whole(), small, size)) {
    return cropPixels(large, { ...part, x: part.x - left * scale, y: part.y - top * scale });
  }
  throw new ImageError(`${source.width}×${source.height} has no part at ${part.x}, ${part.y}`);
}

/** First and last of the input rows that an output row is made of. */
function span({ taps, indices }: Stretch, row: number): { first: number; last: number } {
  const own = indices.subarray(row * taps, (row + 1) * taps);
  return { first: Math.min(...own), last: Math.max(...own) };
}

/** A row of another length, its colours premultiplied. */
function narrowedRow(band: Pixels, row: number, { taps, indices, weights, end }: Stretch): Float32Array {
  const { channels } = band;
  const source = premultiplied(band, row);
  const target = new Float32Array(end * channels);
  for (let x = 0; x < end; x++) {
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (let k = x * taps; k < (x + 1) * taps; k++) {
        sum += (weights[k] as number) * (source[(indices[k] as number) * channels + channel] as number);
      }
      target[x * channels + channel] = sum;
    }
  }
  return target;
}

function premultiplied(band: Pixels, row: number): Float32Array {
  const { channels, width, data } = band;
  const values = Float32Array.from(data.subarray(row * width * channels, (row + 1) * width * channels));
  if (!hasAlpha(band)) return values;
  const peak = peakOf(depthOf(band));
  for (let at = 0; at < values.length; at += channels) {
    const share = (values[at + channels - 1] as number) / peak;
    for (let channel = 0; channel < channels - 1; channel++)
      values[at + channel] = (values[at + channel] as number) * share;
  }
  return values;
}

/** Output rows `start` up to `end`. @param like channels, depth and width of the output */
function combined(
  held: ReadonlyMap<number, Float32Array>,
  { taps, indices, weights }: Stretch,
  start: number,
  end: number,
  like: Pixels,
): Pixels {
  const depth = depthOf(like);
  const target = emptyPixels({ ...like, height: end - start, depth });
  const length = target.width * target.channels;
  const sums = new Float64Array(length);
  for (let y = start; y < end; y++) {
    sums.fill(0);
    for (let k = y * taps; k < (y + 1) * taps; k++) {
      const weight = weights[k] as number;
      const row = held.get(indices[k] as number) as Float32Array;
      for (let i = 0; i < length; i++) sums[i] = (sums[i] as number) + weight * (row[i] as number);
    }
    write(sums, target, (y - start) * length);
  }
  return target;
}

/** Colours divided by alpha again, rounded and clipped. */
function write(sums: Float64Array, target: Pixels, offset: number): void {
  const { channels, data } = target;
  const depth = depthOf(target);
  const peak = peakOf(depth);
  const settle = (value: number) => (depth === "float" ? Math.min(Math.max(value, 0), 1) : rounded(value, peak));
  const colours = hasAlpha(target) ? channels - 1 : channels;
  for (let at = 0; at < sums.length; at += channels) {
    const alpha = colours === channels ? peak : (sums[at + colours] as number);
    for (let channel = 0; channel < colours; channel++) {
      const value = sums[at + channel] as number;
      data[offset + at + channel] = alpha > 0 ? settle((value * peak) / alpha) : 0;
    }
    if (colours < channels) data[offset + at + colours] = settle(alpha);
  }
}
