import { text } from "./bytes.js";

/** A PNG's chunks: length, type, data and the checksum of type and data (PNG specification, section 5). */

export const PNG_SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

/** Bytes of a chunk beside its data. */
const AROUND = 12;

export interface PngChunk {
  readonly type: string;
  /** Where it begins in the file, with its length. */
  readonly at: number;
  readonly data: Uint8Array;
}

export const isPng = (bytes: Uint8Array): boolean => PNG_SIGNATURE.every((byte, i) => bytes[i] === byte);

/** The chunks that lie in a PNG's bytes as a whole. */
export function* pngChunks(bytes: Uint8Array): Generator<PngChunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = PNG_SIGNATURE.length; at + AROUND <= bytes.length; ) {
    const length = view.getUint32(at);
    const end = at + length + AROUND;
    if (end > bytes.length) return;
    const type = text(bytes, at + 4, at + 8);
    yield { type, at, data: bytes.subarray(at + 8, at + 8 + length) };
    at = end;
  }
}

/** A chunk's bytes. */
export function pngChunk(type: string, data: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(data.length + AROUND);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  bytes.set(new TextEncoder().encode(type), 4);
  bytes.set(data, 8);
  view.setUint32(data.length + 8, crc32(bytes.subarray(4, data.length + 8)));
  return bytes;
}

/** Remainders of a byte by CRC-32's polynomial, reversed. */
const REMAINDERS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) {
    crc = (crc >>> 8) ^ (REMAINDERS[(crc ^ (bytes[i] as number)) & 255] as number);
  }
  return ~crc >>> 0;
}
