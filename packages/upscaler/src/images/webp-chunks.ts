import { text } from "./bytes.js";

/** A WebP's chunks (RIFF: a name, a length, data of an even number of bytes). */

export const isWebp = (bytes: Uint8Array): boolean => text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP";

/** The data of the first chunk of a name, if there is one. */
export function webpChunk(bytes: Uint8Array, name: string): Uint8Array | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    if (text(bytes, at, at + 4) === name) return bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length + (length % 2);
  }
  return undefined;
}
