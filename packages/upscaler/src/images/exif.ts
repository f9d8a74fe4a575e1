import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { text } from "./bytes.js";
import { isJpeg, jpegSegments } from "./jpeg-segments.js";
import { isPng, pngChunks } from "./png-chunks.js";

const [IMAGE_WIDTH, IMAGE_HEIGHT, ORIENTATION, EXIF_FOLDER, PIXEL_WIDTH, PIXEL_HEIGHT] = [
  0x100, 0x101, 0x112, 0x8769, 0xa002, 0xa003,
];
const [SHORT, LONG] = [3, 4];
const PREFIX = "Exif\0\0";
const APP1 = 0xe1;

/** The EXIF that a PNG or a JPEG holds, as it lies there: of the files by whose EXIF every browser turns what it decodes. */
export function exifOf(bytes: Uint8Array): Uint8Array | undefined {
  if (isPng(bytes)) return [...pngChunks(bytes)].find(({ type }) => type === "eXIf")?.data;
  if (!isJpeg(bytes)) return undefined;
  return [...jpegSegments(bytes)].find(({ marker, data }) => marker === APP1 && isPrefixed(data))?.data;
}

/** As JPEG has it, beside other things in such segments. */
const isPrefixed = (exif: Uint8Array): boolean => text(exif, 0, PREFIX.length) === PREFIX;

/**
 * EXIF (CIPA DC-008) of an image whose pixels are upright and of another size: the orientation is 1, sizes are the image's, the
 * thumbnail, which is turned as the pixels were, is left out.
 * @param exif a TIFF stream, perhaps behind "Exif\0\0" as JPEG has it
 * @returns the TIFF stream; undefined where it is damaged
 */
export function uprightExif(exif: Uint8Array, size: Size): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(exif.subarray(isPrefixed(exif) ? PREFIX.length : 0));
  const view = new DataView(bytes.buffer);
  try {
    const order = view.getUint16(0);
    const isLittle = order === 0x4949;
    if (!isLittle && order !== 0x4d4d) return undefined;
    const replace = (at: number, value: number): void => {
      if (view.getUint16(at + 2, isLittle) === SHORT && value < 2 ** 16) {
        view.setUint16(at + 8, value, isLittle);
        return;
      }
      view.setUint16(at + 2, LONG, isLittle);
      view.setUint32(at + 8, value, isLittle);
    };
    const folder = (start: number): number => {
      const count = view.getUint16(start, isLittle);
      for (let at = start + 2; at < start + 2 + count * 12; at += 12) {
        const tag = view.getUint16(at, isLittle);
        if (tag === ORIENTATION) replace(at, 1);
        if (tag === IMAGE_WIDTH || tag === PIXEL_WIDTH) replace(at, size.width);
        if (tag === IMAGE_HEIGHT || tag === PIXEL_HEIGHT) replace(at, size.height);
        if (tag === EXIF_FOLDER && start === first) folder(view.getUint32(at + 8, isLittle));
      }
      return start + 2 + count * 12;
    };
    const first = view.getUint32(4, isLittle);
    // Behind the first folder stands where the thumbnail's is.
    view.setUint32(folder(first), 0, isLittle);
    return bytes;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** How an image's pixels lie, as EXIF counts: 1 is upright, as is what says nothing. @param exif a TIFF stream */
export function orientationOf(exif: Uint8Array): number {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  try {
    const isLittle = view.getUint16(0) === 0x4949;
    const first = view.getUint32(4, isLittle);
    const end = first + 2 + view.getUint16(first, isLittle) * 12;
    for (let at = first + 2; at < end; at += 12) {
      if (view.getUint16(at, isLittle) === ORIENTATION) return view.getUint16(at + 8, isLittle);
    }
    return 1;
  } catch (error) {
    if (error instanceof RangeError) return 1;
    throw error;
  }
}
