import { concatenated, text } from "../images/bytes.js";
import { isJpeg, jpegSegments } from "../images/jpeg-segments.js";
import { isPng, pngChunks } from "../images/png-chunks.js";
import { isWebp, webpChunk } from "../images/webp-chunks.js";

/** What files say of their samples' colours: ICC profiles (ICC.1), and what PNGs say beside them. */

const COLOUR_CHUNKS = ["iCCP", "cICP", "sRGB", "gAMA", "cHRM"];

/** The chunks by which a PNG says what colours its samples are, whole and in their order; undefined where there are none. */
export function coloursOfPng(bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  const parts: Uint8Array[] = [];
  for (const { type, at, data } of pngChunks(bytes)) {
    if (type === "IDAT") break;
    if (COLOUR_CHUNKS.includes(type))
      parts.push(bytes.subarray(at, data.byteOffset - bytes.byteOffset + data.length + 4));
  }
  return parts.length > 0 ? concatenated(parts) : undefined;
}

/** Whether chunks name other colours than those of a gamma and primaries, which are sRGB's in nearly all files. */
export const hasOwnColours = (colours: Uint8Array): boolean => /iCCP|cICP/.test(latin1(colours));

const latin1 = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

/** The ICC profile that lies in a JPEG, a WebP or an AVIF, if one does; PNGs have theirs in a chunk. */
export function profileOf(bytes: Uint8Array): Uint8Array | undefined {
  if (isPng(bytes)) return undefined;
  const profile = isJpeg(bytes)
    ? profileOfJpeg(bytes)
    : isWebp(bytes)
      ? webpChunk(bytes, "ICCP")
      : profileOfAvif(bytes);
  return profile && text(profile, 36, 40) === "acsp" ? profile : undefined;
}

/** The kind of colours that a profile is for: "RGB", "GRAY", "CMYK". */
export const spaceOfProfile = (profile: Uint8Array): string => text(profile, 16, 20).trim();

const APP2 = 0xe2;
const JPEG_NAME = "ICC_PROFILE\0";

/** It may lie in several segments, which are numbered. */
function profileOfJpeg(bytes: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  for (const { marker, data } of jpegSegments(bytes)) {
    if (marker !== APP2 || text(data, 0, JPEG_NAME.length) !== JPEG_NAME) continue;
    parts[data[JPEG_NAME.length] as number] = data.subarray(JPEG_NAME.length + 2);
  }
  const whole = parts.filter((part) => part !== undefined);
  return whole.length > 0 ? concatenated(whole) : undefined;
}

/** Bytes at an AVIF's beginning, where what describes its images lies. */
const DESCRIBED = 2 ** 16;

/** In a box "colr" of the kind "prof" or "rICC". */
function profileOfAvif(bytes: Uint8Array): Uint8Array | undefined {
  const at = boxOfAvif(bytes, /colr(?:prof|rICC)/);
  if (at === undefined) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at - 4);
  return bytes.subarray(at + 8, at - 4 + length);
}

/** Bits of an AVIF's samples: 8, 10 or 12, as its box "av1C" says; undefined for other files. */
export function bitsOfAvif(bytes: Uint8Array): 8 | 10 | 12 | undefined {
  const at = boxOfAvif(bytes, /av1C/);
  const depth = at === undefined ? undefined : bytes[at + 6];
  if (depth === undefined) return undefined;
  // Of its third byte: high_bitdepth, then twelve_bit.
  return (depth & 0x40) === 0 ? 8 : (depth & 0x20) === 0 ? 10 : 12;
}

/** Where the name of a box lies, behind its length; undefined where there is none, or the file is no AVIF. */
function boxOfAvif(bytes: Uint8Array, name: RegExp): number | undefined {
  const head = latin1(bytes.subarray(0, DESCRIBED));
  const at = /^.{4}ftypavi[fs]/s.test(head) ? head.search(name) : -1;
  return at < 4 ? undefined : at;
}
