import { ImageError } from "@slimsr/core/internal/errors.js";
import { misplaced } from "@slimsr/core/internal/misplaced.js";
import { text } from "./bytes.js";

/** The formats of images that are read and written. */
export const IMAGE_FORMATS = ["png", "jpeg", "webp", "tiff", "avif", "gif", "bmp"] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

const EXTENSIONS: Readonly<Record<string, ImageFormat>> = {
  png: "png",
  jpg: "jpeg",
  jpeg: "jpeg",
  webp: "webp",
  tif: "tiff",
  tiff: "tiff",
  avif: "avif",
  gif: "gif",
  bmp: "bmp",
};

/** The format that a file's name stands for, if any: "photo.JPG" is a JPEG. */
export function formatOfName(path: string): ImageFormat | undefined {
  return EXTENSIONS[/\.([^./\\]+)$/.exec(path)?.[1]?.toLowerCase() ?? ""];
}

/**
 * The format that a file's first bytes declare; its name is of no account.
 * @param name names the file in the error's message
 * @throws ImageError if it is none of `IMAGE_FORMATS`
 */
export function formatOfBytes(bytes: Uint8Array, name: string): ImageFormat {
  const head = text(bytes, 0, 16);
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("RIFF") && head.startsWith("WEBP", 8)) return "webp";
  if (/^(II[*+]\0|MM\0[*+])/.test(head)) return "tiff";
  if (/^ftyp(avif|avis|mif1|miaf|msf1)/.test(head.slice(4))) return "avif";
  if (head.startsWith("GIF8")) return "gif";
  if (head.startsWith("BM")) return "bmp";
  const supported = "PNG, JPEG, WebP, TIFF, AVIF, GIF or BMP";
  if (bytes.length === 0) throw new ImageError(`${name}: the file is empty; expected an image (${supported})`);
  const other = misplaced(bytes);
  if (other !== undefined) throw new ImageError(`${name}: not an image: ${other}`);
  throw new ImageError(`${name}: ${foreign(head) ?? "not an image in a known format"}; convert it to ${supported}`);
}

function foreign(head: string): string | undefined {
  if (/^ftyphe[a-z]/.test(head.slice(4))) return "HEIC images are not supported";
  if (head.startsWith("8BPS")) return "Photoshop files are not supported";
  if (head.startsWith("\xff\x0a") || head.startsWith("JXL ", 4)) return "JPEG XL images are not supported";
  if (head.startsWith("\0\0\0\x0cjP")) return "JPEG 2000 images are not supported";
  if (head.startsWith("%PDF")) return "this is a PDF document";
  if (/^\s*<(\?xml|svg|!doctype|html)/i.test(head)) return "this is an XML or HTML text";
  return undefined;
}
