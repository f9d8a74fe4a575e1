import { concatenated } from "../images/bytes.js";
import { isJpeg, isWebp } from "../images/header.js";
import { isPng, pngChunks } from "../images/png-chunks.js";

/** What files say of their samples' colours: ICC profiles (ICC.1), and what PNGs say beside them. */

const text = (bytes: Uint8Array, from: number, to: number): string => String.fromCharCode(...bytes.subarray(from, to));

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
  const profile = isJpeg(bytes) ? profileOfJpeg(bytes) : isWebp(bytes) ? profileOfWebp(bytes) : profileOfAvif(bytes);
  return profile && text(profile, 36, 40) === "acsp" ? profile : undefined;
}

/** The kind of colours that a profile is for: "RGB", "GRAY", "CMYK". */
export const spaceOfProfile = (profile: Uint8Array): string => text(profile, 16, 20).trim();

const [SOS, APP2] = [0xda, 0xe2];
const JPEG_NAME = "ICC_PROFILE\0";

/** It may lie in several segments, which are numbered. */
function profileOfJpeg(bytes: Uint8Array): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== SOS; ) {
    if (bytes[at + 1] === 0xff) {
      at++;
      continue;
    }
    const end = at + 2 + view.getUint16(at + 2);
    const start = at + 4 + JPEG_NAME.length;
    if (bytes[at + 1] === APP2 && text(bytes, at + 4, start) === JPEG_NAME) {
      parts[bytes[start] as number] = bytes.subarray(start + 2, end);
    }
    at = end;
  }
  const whole = parts.filter((part) => part !== undefined);
  return whole.length > 0 ? concatenated(whole) : undefined;
}

function profileOfWebp(bytes: Uint8Array): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    if (text(bytes, at, at + 4) === "ICCP") return bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length + (length % 2);
  }
  return undefined;
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
