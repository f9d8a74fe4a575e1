import { resolve } from "node:path";
import { ImageError } from "@slimsr/core/internal/errors.js";
import { hasAlpha, type Image, to8Bit } from "@slimsr/core/internal/images/image.js";
import sharp from "sharp";
import { writeAtomic } from "../files/atomic.js";
import { systemReason } from "../files/system-reason.js";
import { encodeBmp } from "./bmp.js";
import { type Format, formatOfName, formats } from "./format.js";

export interface EncodeOptions {
  /** 1..100, of JPEG, WebP and AVIF. Default 95. */
  readonly quality?: number;
  /** Chroma of JPEG: at full resolution, or at half along both sides. Default 4:4:4. */
  readonly chroma?: "4:4:4" | "4:2:0";
  /** WebP and AVIF without loss. PNG, TIFF and BMP always are. Default false. */
  readonly lossless?: boolean;
}

/**
 * Encodes an image. PNG and TIFF keep 16 bits, the others are rounded to 8; JPEG at full chroma resolution unless told otherwise.
 * @throws ImageError if the format cannot hold the image: JPEG has no alpha, WebP no side over 16383 pixels
 */
export async function encodeImage(image: Image, format: Format, options: EncodeOptions = {}): Promise<Uint8Array> {
  const { quality = 95, lossless = false, chroma = "4:4:4" } = options;
  if (format === "jpeg" && hasAlpha(image)) {
    throw new ImageError("JPEG cannot hold transparency; write PNG, WebP, TIFF or AVIF, or drop the alpha channel");
  }
  const kept = format === "png" || format === "tiff" ? image : to8Bit(image);
  if (format === "bmp") return encodeBmp(to8Bit(image));
  const grey = kept.channels < 3;
  const space = kept.depth === 16 ? (grey ? "grey16" : "rgb16") : grey ? "b-w" : "srgb";
  const { width, height, channels } = kept;
  const pipeline = sharp(kept.data, { raw: { width, height, channels }, limitInputPixels: false }).toColourspace(space);
  switch (format) {
    case "png":
      pipeline.png();
      break;
    case "jpeg":
      pipeline.jpeg({ quality, chromaSubsampling: chroma });
      break;
    case "webp":
      pipeline.webp({ quality, lossless, exact: true });
      break;
    case "tiff":
      pipeline.tiff({ compression: "deflate", predictor: "horizontal" });
      break;
    case "avif":
      pipeline.avif({ quality, lossless, chromaSubsampling: "4:4:4" });
      break;
  }
  return pipeline.toBuffer().catch((error: unknown) => {
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
