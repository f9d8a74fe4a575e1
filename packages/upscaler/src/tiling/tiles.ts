import type { Size } from "@slimsr/core/internal/images/geometry.js";
import type { Rectangle } from "../images/planes.js";

/** A part of an image that is computed by itself. */
export interface Tile {
  /** What is fed to the network. All tiles of an image have the same size. */
  readonly input: Rectangle;
  /** What is kept of the output, in input pixels. The tiles' cores make up the image. */
  readonly core: Rectangle;
}

/** What a tile may measure, at most. */
export interface TileLimit {
  readonly pixels: number;
  /** No limit of their own where left out. */
  readonly rows?: number;
}

/**
 * Tiles with `overlap` pixels around their cores, save at the image's border, within `limit` (or little more than
 * the overlap, where that alone is larger); of all grids the one with the fewest pixels to compute. One tile where the
 * image is small enough. Tiles begin at multiples of `period` and end where the image does.
 */
export function planTiles(
  size: Size,
  overlap: number,
  { pixels: maxPixels, rows: maxRows = Number.POSITIVE_INFINITY }: TileLimit,
  period = 1,
): Tile[] {
  const reserved = overlap + period - 1;
  const smallest = 2 * reserved + 16;
  let best: { columns: number; rows: number; pixels: number } | undefined;
  for (let columns = 1; ; columns++) {
    const width = windowLength(size.width, columns, reserved, period);
    const allowed = Math.max(smallest, Math.floor(Math.min(maxPixels / width, maxRows)));
    const rows = windowCount(size.height, allowed, reserved);
    const pixels = columns * width * rows * windowLength(size.height, rows, reserved, period);
    const fits = width * windowLength(size.height, rows, reserved, period) <= maxPixels;
    if ((fits || width <= smallest) && pixels < (best?.pixels ?? Number.POSITIVE_INFINITY)) {
      best = { columns, rows, pixels };
    }
    if (width <= smallest) break;
  }
  const { columns, rows } = best as { columns: number; rows: number };
  return tilesOfSize(
    size,
    {
      width: windowLength(size.width, columns, reserved, period),
      height: windowLength(size.height, rows, reserved, period),
    },
    overlap,
    period,
  );
}

/**
 * Tiles of just this size, at least `overlap` pixels around their cores save at the image's border. Where the image is
 * smaller than a tile, or the last one would not begin at a multiple of `period`, tiles reach past its right and bottom border.
 */
export function tilesOfSize(size: Size, window: Size, overlap: number, period = 1): Tile[] {
  const columns = partition(size.width, window.width, overlap, period);
  const rows = partition(size.height, window.height, overlap, period);
  return rows.flatMap((row) =>
    columns.map((column) => ({
      input: { x: column.from, y: row.from, width: window.width, height: window.height },
      core: { x: column.start, y: row.start, width: column.end - column.start, height: row.end - row.start },
    })),
  );
}

/** Length of each of `count` windows that cover `length` and share 2 · overlap with the next; the last begins at a multiple of `period`. */
function windowLength(length: number, count: number, overlap: number, period: number): number {
  if (count === 1) return length;
  const least = Math.min(length, Math.ceil((length - 2 * overlap) / count) + 2 * overlap);
  return least + ((length - least) % period);
}

function windowCount(length: number, window: number, overlap: number): number {
  return window >= length ? 1 : Math.ceil((length - 2 * overlap) / Math.max(1, window - 2 * overlap));
}

/** Windows from `from` on, and what is kept of each. */
function partition(
  length: number,
  window: number,
  overlap: number,
  period: number,
): { from: number; start: number; end: number }[] {
  // Two neighbours may be moved away from one another by less than a period each.
  const count = windowCount(length, window, overlap + period - 1);
  if (count === 1) return [{ from: 0, start: 0, end: length }];
  const last = Math.ceil((length - window) / period) * period;
  const froms = Array.from({ length: count }, (_, i) => Math.floor((i * last) / (count - 1) / period) * period);
  return froms.map((from, i) => ({
    from,
    start: i === 0 ? 0 : from + overlap,
    end: i === count - 1 ? length : (froms[i + 1] as number) + overlap,
  }));
}
