import { ImageError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { rounded } from "@slimsr/core/internal/images/image.js";
import type { Rectangle } from "./planes.js";

/**
 * Pixels side by side, their channels interleaved, rows from the top: grey, grey and alpha, RGB, or RGB and alpha (not
 * premultiplied). `height` · `width` · `channels` samples: 0..255, 0..65535, or floats from 0 to 1.
 */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray | Uint16Array | Float32Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
}

/** Bits of a sample, or floats from 0 to 1. */
export type Depth = 8 | 16 | "float";

/** What an image is, without its samples. */
export interface PixelLayout extends Size {
  readonly channels: Pixels["channels"];
  readonly depth: Depth;
}

/** Where bands of an image come from, wherever it lies: in memory, in a file on the disk. */
export interface PixelSource extends PixelLayout {
  /** Rows `top` to `top + rows` − 1. Any band is given; those that come in order, overlapping a little with the last, are given fast. */
  read(top: number, rows: number): Promise<Pixels>;
  /** Frees what the source holds. */
  close?(): Promise<void>;
}

/** Where an image's rows go, from the top. Where a call fails the image is to be given up. */
export interface PixelSink {
  /** Takes the next rows; ends when more can be taken. Their samples may be used anew then. */
  write(rows: Pixels): Promise<void>;
  /** Ends the image, of which all rows must have been written. */
  end(): Promise<void>;
  /** Gives the image up; nothing of it remains. */
  abort(): Promise<void>;
}

export function depthOf({ data }: Pick<Pixels, "data">): Depth {
  return data instanceof Float32Array ? "float" : data instanceof Uint16Array ? 16 : 8;
}

/** The sample of white. */
export const peakOf = (depth: Depth): number => (depth === 8 ? 255 : depth === 16 ? 65535 : 1);

/** Whether the last channel is alpha. */
export const hasAlpha = ({ channels }: Pick<Pixels, "channels">): boolean => channels === 2 || channels === 4;

/** @throws ImageError where there can be no image of that size */
export function emptyPixels({ width, height, channels, depth }: PixelLayout): Pixels {
  const length = width * height * channels;
  try {
    const data =
      depth === 8 ? new Uint8Array(length) : depth === 16 ? new Uint16Array(length) : new Float32Array(length);
    return { data, width, height, channels };
  } catch (error) {
    throw new ImageError(`an image of ${width}×${height} pixels of ${channels} channels doesn't fit into memory`, {
      cause: error,
    });
  }
}

/** @throws ImageError where size, channels and samples don't fit together */
export function requirePixels({ width, height, channels, data }: Pixels): void {
  const isWhole = [width, height].every((side) => Number.isSafeInteger(side) && side > 0);
  if (!isWhole || ![1, 2, 3, 4].includes(channels) || data.length !== width * height * channels) {
    throw new ImageError(
      `pixels of ${width}×${height} in ${channels} channels, with ${data.length} samples, are no image; expected positive whole sides, ` +
        "1 (grey), 2 (grey, alpha), 3 (RGB) or 4 (RGB, alpha) channels, and width · height · channels samples",
    );
  }
}

/** A view of whole rows. */
export function rowsOf({ data, width, channels }: Pixels, top: number, rows: number): Pixels {
  const row = width * channels;
  return { data: data.subarray(top * row, (top + rows) * row), width, height: rows, channels };
}

/** A rectangle of the pixels, themselves where it is all; where it reaches past the right or bottom border, that border is repeated. */
export function cropPixels(source: Pixels, { x, y, width, height }: Rectangle): Pixels {
  if (x === 0 && y === 0 && width === source.width && height === source.height) return source;
  const { channels, data } = source;
  const target = emptyPixels({ width, height, channels, depth: depthOf(source) });
  const inside = Math.min(width, source.width - x);
  for (let row = 0; row < height; row++) {
    const from = (Math.min(y + row, source.height - 1) * source.width + x) * channels;
    const to = row * width * channels;
    target.data.set(data.subarray(from, from + inside * channels), to);
    for (let at = to + inside * channels; at < to + width * channels; at++) {
      target.data[at] = target.data[at - channels] as number;
    }
  }
  return target;
}

/** Copies the rectangle `from` of `source` to `x`, `y` of `target`, of the same channels and depth. */
export function pastePixels(target: Pixels, x: number, y: number, source: Pixels, from: Rectangle): void {
  const { channels } = target;
  for (let row = 0; row < from.height; row++) {
    const start = ((from.y + row) * source.width + from.x) * channels;
    const to = ((y + row) * target.width + x) * channels;
    target.data.set(source.data.subarray(start, start + from.width * channels), to);
  }
}

/** The pixels at another depth, rounded where it is coarser and clipped to 0..1 where floats reach beyond. */
export function toDepth(pixels: Pixels, depth: Depth): Pixels {
  const own = depthOf(pixels);
  if (own === depth) return pixels;
  const { data } = pixels;
  const target = emptyPixels({ ...pixels, depth });
  const peak = peakOf(depth);
  const unit = peakOf(own) / peak;
  for (let i = 0; i < data.length; i++) {
    const value = (data[i] as number) / unit;
    target.data[i] = depth === "float" ? value : rounded(value, peak);
  }
  return target;
}

/** An image that lies in memory. @throws ImageError as `requirePixels` does */
export function sourceInMemory(pixels: Pixels): PixelSource {
  requirePixels(pixels);
  const { width, height, channels } = pixels;
  return {
    width,
    height,
    channels,
    depth: depthOf(pixels),
    read: async (top, rows) => rowsOf(pixels, top, rows),
  };
}

/** Collects an image's rows in memory. */
export class SinkInMemory implements PixelSink {
  /** Whole when `end` was called. */
  readonly pixels: Pixels;
  readonly #depth: Depth;
  #top = 0;

  /** @throws ImageError where there can be no image of that size */
  constructor(layout: PixelLayout) {
    this.pixels = emptyPixels(layout);
    this.#depth = layout.depth;
  }

  async write(rows: Pixels): Promise<void> {
    requireRowsOf(this.pixels, rows, this.#top);
    const { width, channels } = this.pixels;
    this.pixels.data.set(toDepth(rows, this.#depth).data, this.#top * width * channels);
    this.#top += rows.height;
  }

  async end(): Promise<void> {
    requireRows(this.#top, this.pixels);
  }

  async abort(): Promise<void> {}
}

/** @throws ImageError where an image ends before its last row */
export function requireRows(written: number, { height }: Size): void {
  if (written !== height) throw new ImageError(`the image ends after ${written} of ${height} rows`);
}

/** @throws ImageError where rows don't go into an image, of which the first ones are written */
export function requireRowsOf(
  { width, height, channels }: Omit<PixelLayout, "depth">,
  rows: Pixels,
  written: number,
): void {
  if (rows.width !== width || rows.channels !== channels) {
    throw new ImageError(
      `rows of ${rows.width} pixels in ${rows.channels} channels don't go into an image of ${width} in ${channels}`,
    );
  }
  if (written + rows.height > height) {
    throw new ImageError(`more rows than the image's ${height} are written: ${written + rows.height}`);
  }
}
