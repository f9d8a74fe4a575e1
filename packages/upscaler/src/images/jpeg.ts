import { concatenated, text } from "./bytes.js";
import { isFrame } from "./jpeg-segments.js";

/**
 * What some cameras write and no decoder minds, though libjpeg warns as it does of damage: a scan's header with zeros in place of
 * the coefficients' numbers, versions that are unknown, bytes between two segments, no marker at the end. Without these, whatever it
 * still warns of is damage.
 */

const [SOI, EOI, SOS, APP0, APP14] = [0xd8, 0xd9, 0xda, 0xe0, 0xee];

const isBare = (marker: number): boolean => marker === 0x01 || (marker >= 0xd0 && marker <= SOI);

/** The same JPEG as the standard has it; undefined where its segments can't be told apart. */
export function mendedJpeg(bytes: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [bytes.subarray(0, 2)];
  let components = 0;
  let isSequential = false;
  let isWhole = false;
  for (let at = 2; ; ) {
    // Whatever lies before the next marker belongs to no segment.
    while (at < bytes.length && !(bytes[at] === 0xff && bytes[at + 1] !== 0xff && bytes[at + 1] !== 0)) at++;
    const marker = bytes[at + 1];
    if (marker === undefined) break;
    if (marker === EOI) {
      parts.push(bytes.subarray(at));
      return concatenated(parts);
    }
    if (isBare(marker)) {
      parts.push(bytes.subarray(at, at + 2));
      at += 2;
      continue;
    }
    const end = at + 2 + (bytes[at + 2] ?? 0) * 256 + (bytes[at + 3] ?? 0);
    if (end < at + 4 || end > bytes.length) return undefined;
    const segment = new Uint8Array(bytes.subarray(at, end));
    if (isFrame(marker)) {
      isSequential = marker <= 0xc1;
      components = segment[9] ?? 0;
    }
    mendVersion(segment, marker);
    if (marker === SOS && isSequential) segment.set([0, 63, 0], segment.length - 3);
    parts.push(segment);
    at = end;
    if (marker !== SOS) continue;
    isWhole = isSequential && segment[4] === components;
    while (at < bytes.length && !endsScan(bytes, at)) at++;
    parts.push(bytes.subarray(end, at));
  }
  // Of one scan that has all the picture nothing but the end can be missing; if more is, the decoder says so.
  return isWhole ? concatenated([...parts, Uint8Array.of(0xff, EOI)]) : undefined;
}

/** JFIF of another version than 1, and a colour transform that Adobe doesn't name, are taken for version 1 and YCbCr anyway. */
function mendVersion(segment: Uint8Array, marker: number): void {
  const name = text(segment, 4, 9);
  if (marker === APP0 && name === "JFIF\0" && segment.length > 9) segment[9] = 1;
  if (marker === APP14 && name === "Adobe" && (segment[15] ?? 0) > 2) segment[15] = 1;
}

/** Whether a marker begins here that isn't part of a scan's data: no stuffed zero, restart or fill byte. */
function endsScan(bytes: Uint8Array, at: number): boolean {
  const next = bytes[at + 1];
  if (bytes[at] !== 0xff || next === undefined) return false;
  return next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7);
}
