import { open } from "node:fs/promises";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { type Image, imageOf } from "@slimsr/core/internal/images/image.js";
import { bmpSize } from "@slimsr/upscaler/internal/images/bmp.js";
import type { PixelSource } from "@slimsr/upscaler/internal/images/pixels.js";
import { readInput } from "@slimsr/upscaler/internal/node/input.js";
import { openInput } from "@slimsr/upscaler/internal/node/open-image.js";
import { loadSharp } from "@slimsr/upscaler/internal/node/sharp.js";
import { inLine } from "../text/visible.js";
import { formatOfBytes, formatOfName } from "./format.js";

/**
 * Pixels that an image may have unless a caller allows more: 52 megapixels. Whatever a file of so many claims to be, less
 * than 1 GiB of memory is taken (most by turned 16-bit RGB with alpha, and by AVIF).
 */
export const defaultMaxPixels = 52_000_000;

export interface DecodeOptions {
  /** Images of more pixels are refused before they are unpacked. Default `defaultMaxPixels`. */
  readonly maxPixels?: number;
}

/**
 * Decodes PNG, JPEG, WebP, TIFF, AVIF (the first picture of several) or BMP, by content, whatever the file is called.
 *
 * Samples are those stored, at 8 or 16 bits; palettes and grey of fewer bits are expanded. A PNG's gAMA and sRGB
 * chunks change nothing. An embedded ICC profile is converted to sRGB, CMYK too; EXIF orientation is applied.
 * @param file what messages call it
 * @throws ImageError if the image is damaged, not supported or larger than `maxPixels`
 */
export function decodeImage(bytes: Uint8Array, file: string, options: DecodeOptions = {}): Promise<Image> {
  return decode(bytes, file, options);
}

/**
 * Reads and decodes a file (see `decodeImage`).
 * @throws ImageError if it cannot be read or decoded; the message names the file
 */
export function readImage(path: string, options: DecodeOptions = {}): Promise<Image> {
  return decode(path, path, options);
}

async function decode(
  source: string | Uint8Array,
  file: string,
  { maxPixels = defaultMaxPixels }: DecodeOptions,
): Promise<Image> {
  const input = await readInput(source, maxPixels, inLine(file));
  formatOfBytes(input.head, input.name);
  const { frames } = await openInput(input, {
    maxPixels,
    metadata: "strip",
    animated: false,
    memory: Number.POSITIVE_INFINITY,
  });
  const [image] = frames as [PixelSource];
  const { width, height, channels, data } = await image.read(0, image.height);
  return imageOf(width, height, channels, data as Uint8Array | Uint16Array);
}

/** What a file declares. */
export interface ImageHeader extends Size {
  /** Bytes of the samples, decoded. */
  readonly bytes: number;
}

/** Reads what a file declares, the size upright; undefined where it can't be told. */
export async function readHeader(path: string): Promise<ImageHeader | undefined> {
  try {
    if (formatOfName(path) === "bmp") {
      const { width, height } = bmpSize(await firstBytes(path), path);
      return { width, height, bytes: width * height * 4 };
    }
    const sharp = await loadSharp();
    const { autoOrient, channels, depth } = await sharp(path, { limitInputPixels: false }).metadata();
    const { width, height } = autoOrient;
    return { width, height, bytes: width * height * channels * (depth === "uchar" ? 1 : 2) };
  } catch {
    return undefined;
  }
}

/** As many as a bitmap's header and palette take at most. */
async function firstBytes(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(4096), position: 0 });
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
