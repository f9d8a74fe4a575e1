import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { text } from "./bytes.js";
import { isFrame, isJpeg, jpegSegments } from "./jpeg-segments.js";
import { isPng, pngChunks } from "./png-chunks.js";
import { isWebp } from "./webp-chunks.js";

/** What a file says of its image before anything is decoded: PNG, JPEG, WebP, GIF and BMP. */

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** The image's size, where the file's first bytes have it. */
export function declaredSize(bytes: Uint8Array): Size | undefined {
  try {
    const view = viewOf(bytes);
    if (isPng(bytes)) return { width: view.getUint32(16), height: view.getUint32(20) };
    if (isJpeg(bytes)) return frameSize(bytes);
    if (isWebp(bytes)) return webpSize(view, text(bytes, 12, 16));
    if (text(bytes, 0, 4) === "GIF8") return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
    // A bitmap whose rows go down has a negative height.
    if (text(bytes, 0, 2) === "BM")
      return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
    return undefined;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function webpSize(view: DataView, chunk: string): Size | undefined {
  switch (chunk) {
    case "VP8 ":
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case "VP8X":
      return {
        width: (view.getUint32(24, true) & 0xffffff) + 1,
        height: (view.getUint16(27, true) | (view.getUint8(29) << 16)) + 1,
      };
    default:
      return undefined;
  }
}

const [SOI, EOI] = [0xd8, 0xd9];

/** Of a JPEG's first frame. */
function frameSize(bytes: Uint8Array): Size | undefined {
  for (const { marker, data } of jpegSegments(bytes)) {
    const view = viewOf(data);
    if (isFrame(marker)) return { width: view.getUint16(3), height: view.getUint16(1) };
  }
  return undefined;
}

/** Whether the file is shorter than it says: a PNG without its last chunk, a WebP without its last bytes, a JPEG without an end. */
export function endsEarly(bytes: Uint8Array): boolean {
  if (isPng(bytes)) return !hasLastChunk(bytes);
  if (isWebp(bytes)) return viewOf(bytes).getUint32(4, true) + 8 > bytes.length;
  return isJpeg(bytes) && !hasEnd(bytes);
}

function hasLastChunk(bytes: Uint8Array): boolean {
  for (const { type } of pngChunks(bytes)) if (type === "IEND") return true;
  return false;
}

/** Segments say their lengths, but for the scans' data, in which 0xff is followed by 0 or a restart's number. */
function hasEnd(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  for (let at = 2; at + 1 < bytes.length; ) {
    const marker = bytes[at + 1] as number;
    if (bytes[at] !== 0xff || marker === 0 || marker === 0xff || (marker >= 0xd0 && marker <= SOI)) at++;
    else if (marker === EOI) return true;
    else if (at + 4 > bytes.length) return false;
    else at += 2 + view.getUint16(at + 2);
  }
  return false;
}
