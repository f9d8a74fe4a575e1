import { NetworkError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";

/** Planes of red, green and blue one after another, or one of luma or grey: C · height · width values, NCHW with N = 1. */
export interface Planes extends Size {
  readonly data: Float32Array<ArrayBuffer>;
}

export interface Rectangle extends Size {
  readonly x: number;
  readonly y: number;
}

/** How many planes there are. */
export const channelsOf = ({ width, height, data }: Planes): number => data.length / (width * height);

/** @throws NetworkError where there can be no image of that size */
export function emptyPlanes({ width, height }: Size, channels: number): Planes {
  try {
    return { width, height, data: new Float32Array(channels * width * height) };
  } catch (error) {
    throw new NetworkError(`an image of ${width}×${height} pixels doesn't fit into memory`, { cause: error });
  }
}

/** A rectangle of the planes; where it reaches past the right or bottom border, that border is repeated. */
export function cropPlanes(source: Planes, { x, y, width, height }: Rectangle): Planes {
  const channels = channelsOf(source);
  const target = emptyPlanes({ width, height }, channels);
  const inside = Math.min(width, source.width - x);
  for (let plane = 0; plane < channels; plane++) {
    for (let row = 0; row < height; row++) {
      const from = (plane * source.height + Math.min(y + row, source.height - 1)) * source.width + x;
      const to = (plane * height + row) * width;
      target.data.set(source.data.subarray(from, from + inside), to);
      target.data.fill(source.data[from + inside - 1] as number, to + inside, to + width);
    }
  }
  return target;
}

/** Copies the rectangle `from` of `source` to `x`, `y` of `target`. */
export function pastePlanes(target: Planes, x: number, y: number, source: Planes, from: Rectangle): void {
  for (let plane = 0; plane < channelsOf(target); plane++) {
    for (let row = 0; row < from.height; row++) {
      const start = (plane * source.height + from.y + row) * source.width + from.x;
      const to = (plane * target.height + y + row) * target.width + x;
      target.data.set(source.data.subarray(start, start + from.width), to);
    }
  }
}
