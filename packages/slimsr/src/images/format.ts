import { ImageError } from "@slimsr/core/internal/errors.js";
import * as images from "@slimsr/upscaler/internal/images/format.js";

/** The formats that sets of images may have: of one picture each. */
export const formats = ["png", "jpeg", "webp", "tiff", "avif", "bmp"] as const satisfies images.ImageFormat[];
export type Format = (typeof formats)[number];

const isFormat = (format: images.ImageFormat | undefined): format is Format => format !== undefined && format !== "gif";

/** The format that a file's name stands for, if any: "photo.JPG" is a JPEG. */
export function formatOfName(path: string): Format | undefined {
  const format = images.formatOfName(path);
  return isFormat(format) ? format : undefined;
}

/**
 * The format that a file's first bytes declare; its name is of no account.
 * @param name names the file in the error's message
 * @throws ImageError if it is none of `formats`
 */
export function formatOfBytes(bytes: Uint8Array, name: string): Format {
  const format = images.formatOfBytes(bytes, name);
  if (isFormat(format)) return format;
  throw new ImageError(`${name}: GIF images are not supported; convert it to PNG`);
}
