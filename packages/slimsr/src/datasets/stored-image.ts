import { createHash } from "node:crypto";
import zlib from "node:zlib";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import type { Image8 } from "@slimsr/core/internal/images/image.js";
import javascript from "crc-32";

/**
 * A decoded image as a file: a header of 64 bytes (magic number, width, height, channels, 32 bits each; SHA-256 of the image; CRC-32
 * of what stands before and of the sums), a CRC-32 of each block of 2 KiB of samples, then the 8-bit samples, row after row. All
 * numbers are little endian. A part can be read and checked without the rest.
 */
export interface StoredImage {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB. */
  readonly channels: 1 | 3;
  /** Of size and samples: the same wherever the file came from. */
  readonly digest: string;
}

const MAGIC = 0x32494c53; // "SLI2"
export const HEADER_BYTES = 64;
const BLOCK = 2 ** 11;
const DIGEST_AT = 16;
const CRC_AT = 48;

// Node has its own from 20.15 on, five times as fast.
const crc32: (data: Uint8Array, before?: number) => number =
  zlib.crc32 ?? ((data, before) => javascript.buf(data, before) >>> 0);

/** The header of an image of one or three channels, and what it says. */
export function encodeHeader(image: Image8): { header: Buffer; stored: StoredImage } {
  const { width, height, channels, data } = image;
  if (channels !== 1 && channels !== 3) throw new DatasetError(`${channels} channels cannot be stored`);
  const header = Buffer.alloc(HEADER_BYTES + 4 * Math.ceil(data.length / BLOCK));
  [MAGIC, width, height, channels].forEach((value, i) => {
    header.writeUInt32LE(value, 4 * i);
  });
  const digest = createHash("sha256").update(header.subarray(0, DIGEST_AT)).update(data).digest();
  header.set(digest, DIGEST_AT);
  for (let at = 0, i = 0; at < data.length; at += BLOCK, i++) {
    header.writeUInt32LE(crc32(data.subarray(at, at + BLOCK)), HEADER_BYTES + 4 * i);
  }
  header.writeUInt32LE(headerSum(header), CRC_AT);
  return { header, stored: { width, height, channels, digest: digest.toString("hex") } };
}

/** Bytes before the samples, by the first 64. */
export function headerLength(header: Buffer): number {
  const samples = header.length < HEADER_BYTES ? 0 : [4, 8, 12].reduce((all, at) => all * header.readUInt32LE(at), 1);
  return HEADER_BYTES + 4 * Math.ceil(samples / BLOCK);
}

/**
 * What a header says; undefined where it is none, or damaged, or the file isn't as long as it says.
 * @param size the file's bytes
 */
export function decodeHeader(header: Buffer, size: number): StoredImage | undefined {
  if (header.length < HEADER_BYTES || header.readUInt32LE(0) !== MAGIC) return undefined;
  const [width, height, channels] = [4, 8, 12].map((at) => header.readUInt32LE(at)) as [number, number, number];
  if ((channels !== 1 && channels !== 3) || width * height === 0) return undefined;
  const length = headerLength(header);
  if (size !== length + width * height * channels || header.length !== length) return undefined;
  if (header.readUInt32LE(CRC_AT) !== headerSum(header)) return undefined;
  return { width, height, channels, digest: header.toString("hex", DIGEST_AT, CRC_AT) };
}

const headerSum = (header: Buffer): number => crc32(header.subarray(HEADER_BYTES), crc32(header.subarray(0, CRC_AT)));

/** Where a stretch of samples lies in a file: whole blocks of samples, and their sums. Bytes from the file's start. */
export interface Stretch {
  /** The number of the first sample that is read. */
  readonly first: number;
  readonly samples: { readonly at: number; readonly length: number };
  readonly sums: { readonly at: number; readonly length: number };
}

/** The blocks that hold the samples from `from` up to `to`. */
export function stretchOf({ width, height, channels }: StoredImage, from: number, to: number): Stretch {
  const all = width * height * channels;
  const [block, end] = [Math.floor(from / BLOCK), Math.ceil(to / BLOCK)];
  const first = block * BLOCK;
  return {
    first,
    samples: { at: HEADER_BYTES + 4 * Math.ceil(all / BLOCK) + first, length: Math.min(end * BLOCK, all) - first },
    sums: { at: HEADER_BYTES + 4 * block, length: 4 * (end - block) },
  };
}

/** Whether the blocks that hold the samples from `from` up to `to`, counted from the stretch's first, are as they were stored. */
export function isSound(samples: Buffer, sums: Buffer, from = 0, to = samples.length): boolean {
  for (let block = Math.floor(from / BLOCK); block * BLOCK < to; block++) {
    if (crc32(samples.subarray(block * BLOCK, (block + 1) * BLOCK)) !== sums.readUInt32LE(4 * block)) return false;
  }
  return true;
}
