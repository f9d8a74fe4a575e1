import { open, readFile, stat } from "node:fs/promises";
import { ImageError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { type Channels, type Image, imageOf } from "@slimsr/core/internal/images/image.js";
import sharp, { type Metadata } from "sharp";
import { systemReason } from "../files/system-reason.js";
import { inLine } from "../text/visible.js";
import { bmpSize, decodeBmp } from "./bmp.js";
import { type Format, formatOfBytes, formatOfName } from "./format.js";
import { mendedJpeg } from "./jpeg.js";

/**
 * Pixels that an image may have unless a caller allows more: 52 megapixels. Whatever a file of so many claims to be, less
 * than 1 GiB of memory is taken (most by turned 16-bit RGB with alpha, and by AVIF).
 */
export const defaultMaxPixels = 52_000_000;

export interface DecodeOptions {
  /** Images of more pixels are refused before they are unpacked. Default `defaultMaxPixels`. */
  readonly maxPixels?: number;
}

// Images are read once: libvips' cache of operations would only hold on to their pixels.
sharp.cache(false);

/**
 * Decodes PNG, JPEG, WebP, TIFF, AVIF (the first picture of several) or BMP, by content, whatever the file is called.
 *
 * Samples are those stored, at 8 or 16 bits; palettes and grey of fewer bits are expanded. A PNG's gAMA and sRGB
 * chunks change nothing. An embedded ICC profile is converted to sRGB, CMYK too; EXIF orientation is applied.
 * @param file what messages call it
 * @throws ImageError if the image is damaged, not supported or larger than `maxPixels`
 */
export async function decodeImage(bytes: Uint8Array, file: string, options: DecodeOptions = {}): Promise<Image> {
  const name = inLine(file);
  const { maxPixels = defaultMaxPixels } = options;
  const format = formatOfBytes(bytes, name);
  if (format === "bmp") {
    const { width, height } = bmpSize(bytes, name);
    checkPixels(width, height, name, maxPixels);
    return decodeBmp(bytes, name);
  }
  try {
    return await unpack(bytes, format, name, maxPixels);
  } catch (error) {
    const mended = format === "jpeg" && error instanceof ImageError ? mendedJpeg(bytes) : undefined;
    if (mended === undefined) throw error;
    return unpack(mended, format, name, maxPixels);
  }
}

async function unpack(bytes: Uint8Array, format: Format, name: string, maxPixels: number): Promise<Image> {
  const metadata = await readMetadata(bytes, format, name);
  checkPixels(metadata.width, metadata.height, name, maxPixels);
  const wide = metadata.depth === "ushort";
  if (
    (!wide && metadata.depth !== "uchar") ||
    !["srgb", "rgb", "b-w", "rgb16", "grey16", "cmyk"].includes(metadata.space)
  ) {
    throw new ImageError(
      `${name}: samples of type ${metadata.depth} in colour space ${metadata.space} are not supported; convert the image to 8- or 16-bit RGB or grey`,
    );
  }
  const grey = metadata.space === "b-w" || metadata.space === "grey16";
  // sharp drops the alpha of 8-bit grey, but not once it is RGB.
  const replicated = grey && !wide && metadata.hasAlpha;
  const space = wide ? (grey ? "grey16" : "rgb16") : grey && !replicated ? "b-w" : "srgb";
  const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels })
    .autoOrient()
    .toColourspace(space)
    .raw({ depth: wide ? "ushort" : "uchar" })
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => damaged(name, format, error));
  const samples = wide
    ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2)
    : new Uint8Array(data.buffer, data.byteOffset, data.length);
  const image = imageOf(info.width, info.height, info.channels as Channels, samples);
  return replicated ? firstAndAlpha(image) : image;
}

function firstAndAlpha(image: Image): Image {
  const { width, height, channels, data } = image;
  const kept = new Uint8Array(width * height * 2);
  for (let pixel = 0; pixel < width * height; pixel++) {
    kept[pixel * 2] = data[pixel * channels] as number;
    kept[pixel * 2 + 1] = data[(pixel + 1) * channels - 1] as number;
  }
  return imageOf(width, height, 2, kept);
}

/**
 * Reads and decodes a file (see `decodeImage`).
 * @throws ImageError if it cannot be read or decoded; the message names the file
 */
export async function readImage(path: string, options: DecodeOptions = {}): Promise<Image> {
  return decodeImage(await readBytes(path, options), path, options);
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

async function readBytes(path: string, { maxPixels = defaultMaxPixels }: DecodeOptions): Promise<Uint8Array> {
  const name = inLine(path);
  try {
    const file = await stat(path);
    if (!file.isFile()) throw new ImageError(`${name}: not a file; expected an image`);
    // No encoding of so many pixels, at 16 bits and four channels, is larger than this.
    const limit = maxPixels * 8 + 2 ** 24;
    if (file.size > limit) {
      throw new ImageError(
        `${name}: ${file.size} bytes are more than an image of ${maxPixels} pixels can take (${limit})`,
      );
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof ImageError) throw error;
    throw new ImageError(`${name}: cannot be read: ${systemReason(error)}`, { cause: error });
  }
}

async function readMetadata(bytes: Uint8Array, format: Format, name: string): Promise<Metadata> {
  return sharp(bytes, { limitInputPixels: false })
    .metadata()
    .catch((error: unknown) => damaged(name, format, error));
}

function checkPixels(width: number, height: number, name: string, maxPixels: number): void {
  if (width * height > maxPixels) {
    throw new ImageError(
      `${name}: ${width}×${height} are ${width * height} pixels, more than the limit of ${maxPixels}; raise the limit (maxPixels, --max-pixels) if the image is to be trusted`,
    );
  }
}

function damaged(name: string, format: Format, error: unknown): never {
  const said = error instanceof Error ? error.message : String(error);
  // Of the libraries' lines the last tells most, but for error numbers such as " (2.100)".
  const lines = said.split("\n").map((line) => line.trim().replace(/:$/, ""));
  const reason = lines.findLast((line) => line !== "" && !/^\([\d.]+\)$/.test(line)) ?? "unknown reason";
  throw new ImageError(
    `${name}: damaged or not supported ${format.toUpperCase()} (${reason}); copy it anew from its source or convert it to PNG`,
    {
      cause: error,
    },
  );
}
