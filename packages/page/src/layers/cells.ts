import type { Rectangle, Size } from "../messages/calls.js";

/** Pixels along a side of what large images are held in. */
export const CELL = 512;

/** The cells that have some of a part of an image. */
export function cellsOf(size: Size, part: Rectangle): Rectangle[] {
  const cells: Rectangle[] = [];
  const right = Math.min(size.width, part.x + part.width);
  const bottom = Math.min(size.height, part.y + part.height);
  for (let y = Math.floor(part.y / CELL) * CELL; y < bottom; y += CELL) {
    for (let x = Math.floor(part.x / CELL) * CELL; x < right; x += CELL) {
      cells.push({ x, y, width: Math.min(CELL, size.width - x), height: Math.min(CELL, size.height - y) });
    }
  }
  return cells;
}

export const overlaps = (one: Rectangle, other: Rectangle): boolean =>
  one.x < other.x + other.width &&
  other.x < one.x + one.width &&
  one.y < other.y + other.height &&
  other.y < one.y + one.height;
