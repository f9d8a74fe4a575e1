import { resolve } from "node:path";
import { ImageError } from "@slimsr/core/internal/errors.js";
import { hasAlpha, type Image, to8Bit } from "@slimsr/core/internal/images/image.js";
import { encodeBmp } from "@slimsr/upscaler/internal/images/bmp.js";
import type { EncodeOptions } from "@slimsr/upscaler/internal/node/encode-options.js";
import { encodeBySharp } from "@slimsr/upscaler/internal/node/encoder.js";
import { loadSharp, spaceOf } from "@slimsr/upscaler/internal/node/sharp.js";
import { writeAtomic } from "../files/atomic.js";
import { systemReason } from "../files/system-reason.js";
import { type Format, formatOfName, formats } from "./format.js";

export type { EncodeOptions };

/**
 * Encodes an image. PNG and TIFF keep 16 bits, the others are rounded to 8; JPEG at full chroma resolution unless told otherwise.
 * @throws ImageError if the format cannot hold the image: JPEG has no alpha, WebP no side over 16383 pixels
 */
export async function encodeImage(image: Image, format: Format, options: EncodeOptions = {}): Promise<Uint8Array> {
  if (format === "jpeg" && hasAlpha(image)) {
    throw new ImageError("JPEG cannot hold transparency; write PNG, WebP, TIFF or AVIF, or drop the alpha channel");
  }
  const kept = format === "png" || format === "tiff" ? image : to8Bit(image);
  if (format === "bmp") return encodeBmp(to8Bit(image));
  const { width, height, channels, data } = kept;
  const sharp = await loadSharp();
  const raw = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  const pipeline = raw.toColourspace(spaceOf(channels < 3, kept.depth));
  return encodeBySharp(pipeline, format, { bytes: data.byteLength }, options)
    .toBuffer()
    .catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new ImageError(`${width}×${height} pixels cannot be written as ${format.toUpperCase()}: ${reason}`, {
        cause: error,
      });
    });
}

/**
 * Writes an image in the format that the name's ending stands for, beside its target first, then renamed.
 * @throws ImageError if the ending is unknown, the format cannot hold the image or the file cannot be written
 */
export async function writeImage(path: string, image: Image, options: EncodeOptions = {}): Promise<void> {
  const format = formatOfName(path);
  if (format === undefined) {
    throw new ImageError(`${path}: the name must end in a known format: ${formats.join(", ")}, jpg or tif`);
  }
  try {
    const bytes = await encodeImage(image, format, options);
    await writeAtomic(resolve(path), bytes, { sync: false });
  } catch (error) {
    const reason = error instanceof ImageError ? error.message : `cannot be written: ${systemReason(error)}`;
    throw new ImageError(`${path}: ${reason}`, { cause: error });
  }
}
