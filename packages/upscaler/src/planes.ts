import { NetworkError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";

/** Planes of red, green and blue, one after another: 3 · height · width values, NCHW with N = 1. */
export interface Planes extends Size {
  readonly data: Float32Array<ArrayBuffer>;
}

export interface Rectangle extends Size {
  readonly x: number;
  readonly y: number;
}

/** @throws NetworkError where there can be no image of that size */
export function emptyPlanes({ width, height }: Size): Planes {
  try {
    return { width, height, data: new Float32Array(3 * width * height) };
  } catch (error) {
    throw new NetworkError(`an image of ${width}×${height} pixels doesn't fit into memory`, { cause: error });
  }
}

/** A rectangle of the planes; where it reaches past the right or bottom border, that border is repeated. */
export function cropPlanes(source: Planes, { x, y, width, height }: Rectangle): Planes {
  const target = emptyPlanes({ width, height });
  const inside = Math.min(width, source.width - x);
  for (let plane = 0; plane < 3; plane++) {
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
  for (let plane = 0; plane < 3; plane++) {
    for (let row = 0; row < from.height; row++) {
      const start = (plane * source.height + from.y + row) * source.width + from.x;
      const to = (plane * target.height + y + row) * target.width + x;
      target.data.set(source.data.subarray(start, start + from.width), to);
    }
  }
}
