import { createHash } from "node:crypto";
import { type ColourSpace, lumaPlane } from "@slimsr/core/internal/images/colour.js";
import type { Size, Symmetry } from "@slimsr/core/internal/images/geometry.js";
import { imageOf } from "@slimsr/core/internal/images/image.js";
import { randomNumbers } from "../random.js";

/** Where a training patch is taken from, in LR pixels. */
export interface Patch {
  /** Index into the set's pairs. */
  readonly pair: number;
  readonly x: number;
  readonly y: number;
  /** Mirrored along the diagonal first, then flipped. */
  readonly symmetry: Symmetry;
}

/** Which of the images that patches are drawn from are smaller copies of the others, and how many of the patches these get. */
export interface Copies {
  /** So many of the last. */
  readonly count: number;
  /** Share of the patches, 0..1. */
  readonly share: number;
}

const NO_COPIES: Copies = { count: 0, share: 0 };

/**
 * Draws sample `sample` of batch `batch`: whether from a copy, a pair, a place in it and a symmetry, each uniformly. A function of its
 * arguments alone, whatever was drawn before, so that training resumed at any batch goes on as if never stopped.
 * @param sizes LR sizes of the pairs, each at least `side` × `side`
 * @param candidate of several that are drawn for the sample
 */
export function drawPatch(
  seed: number,
  batch: number,
  sample: number,
  sizes: readonly Size[],
  side: number,
  candidate = 0,
  copies = NO_COPIES,
): Patch {
  const text = `${seed}/${batch}/${sample}${candidate === 0 ? "" : `/candidate ${candidate}`}`;
  const digest = createHash("sha256").update(text).digest();
  const uniform = (at: number) => digest.readUInt32LE(at) / 2 ** 32;
  const below = (count: number, at: number) => Math.floor(uniform(at) * count);
  const images = sizes.length - copies.count;
  const pair = uniform(16) < copies.share ? images + below(copies.count, 0) : below(images, 0);
  const { width, height } = sizes[pair] as Size;
  const bits = digest.readUInt8(12);
  return {
    pair,
    x: below(width - side + 1, 4),
    y: below(height - side + 1, 8),
    symmetry: { transposed: (bits & 1) !== 0, flippedX: (bits & 2) !== 0, flippedY: (bits & 4) !== 0 },
  };
}

/**
 * How much detail a square of pixels has: Σ |4p − its four neighbours| over all that have four.
 * @param pixels side · side pixels of 1 or 3 channels
 */
export function detailOf(pixels: Uint8Array, side: number, channels: 1 | 3): number {
  const row = side * channels;
  let detail = 0;
  for (let y = 1; y < side - 1; y++) {
    const end = (y + 1) * row - channels;
    for (let at = y * row + channels; at < end; at++) {
      const sides = (pixels[at - channels] as number) + (pixels[at + channels] as number);
      const ends = (pixels[at - row] as number) + (pixels[at + row] as number);
      detail += Math.abs(4 * (pixels[at] as number) - sides - ends);
    }
  }
  return detail;
}

/** Uniform numbers in [0, 1) by which the noise of a sample is drawn: of its arguments alone, as `drawPatch`. */
export const noiseOf = (seed: number, batch: number, sample: number): (() => number) =>
  randomNumbers(createHash("sha256").update(`${seed}/${batch}/${sample}/noise`).digest().readUInt32LE(0));

/**
 * Writes a square of pixels as planes of red, green and blue, of luma, or of grey as they are, turned by a symmetry. Grey is replicated
 * for RGB.
 * @param pixels side · side pixels of 1 or 3 channels, of 1 for grey
 * @param target gets C · side · side values in 0..255 from `offset` on
 */
export function writeTurned(
  pixels: Uint8Array | Float32Array,
  side: number,
  channels: 1 | 3,
  symmetry: Symmetry,
  space: ColourSpace,
  target: Float32Array,
  offset = 0,
): void {
  if (space !== "luma" || pixels instanceof Float32Array) {
    turn(pixels, side, channels, symmetry, space === "rgb" ? 3 : 1, target, offset);
  } else turn(lumaPlane(imageOf(side, side, channels, pixels)), side, 1, symmetry, 1, target, offset);
}

function turn(
  pixels: Uint8Array | Float32Array | Float64Array,
  side: number,
  channels: 1 | 3,
  { transposed, flippedX, flippedY }: Symmetry,
  planes: 1 | 3,
  target: Float32Array,
  offset: number,
): void {
  // Pixel (x, y) of the result is pixel start + x · stepX + y · stepY of the source.
  const [alongX, alongY] = transposed ? [side, 1] : [1, side];
  const stepX = flippedX ? -alongX : alongX;
  const stepY = flippedY ? -alongY : alongY;
  const start = (flippedX ? (side - 1) * alongX : 0) + (flippedY ? (side - 1) * alongY : 0);
  const step = stepX * channels;
  if (planes === 1) {
    for (let y = 0, out = offset; y < side; y++) {
      for (let x = 0, at = (start + y * stepY) * channels; x < side; x++, at += step)
        target[out++] = pixels[at] as number;
    }
    return;
  }
  // All planes at once: to go over the pixels for each takes half as long again.
  const [area, green, blue] = channels === 1 ? [side * side, 0, 0] : [side * side, 1, 2];
  for (let y = 0, out = offset; y < side; y++) {
    for (let x = 0, at = (start + y * stepY) * channels; x < side; x++, at += step, out++) {
      target[out] = pixels[at] as number;
      target[out + area] = pixels[at + green] as number;
      target[out + 2 * area] = pixels[at + blue] as number;
    }
  }
}
