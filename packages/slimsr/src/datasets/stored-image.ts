import { createHash } from "node:crypto";
import zlib from "node:zlib";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import type { Image8 } from "@slimsr/core/internal/images/image.js";
import javascript from "crc-32";

/**
 * A decoded image as a file: a header of 64 bytes (magic number, width, height, channels, 32 bits each; SHA-256 of the image; CRC-32
 * of what stands before), then tiles of 32×32 pixels, row after row of them, those at the right and bottom as large as there are
 * pixels: each its 8-bit samples, row after row, and their CRC-32. All numbers are little endian. A part can be read and checked
 * without the rest, and is no larger for a wide image than for a narrow one.
 */
export interface StoredImage {
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB. */
  readonly channels: 1 | 3;
  /** Of size and samples: the same wherever the file came from. */
  readonly digest: string;
}

export const HEADER_BYTES = 64;
const MAGIC = 0x33494c53; // "SLI3"
// A digest begins as the first files did, for it stays the same however the samples lie: runs are taken up by it.
const DIGESTED = 0x32494c53;
const DIGEST_AT = 16;
const CRC_AT = 48;
const CRC_BYTES = 4;
/** Pixels along a tile's side. */
const TILE = 32;

// Node has its own from 20.15 on, five times as fast.
const crc32: (data: Uint8Array, before?: number) => number =
  zlib.crc32 ?? ((data, before) => javascript.buf(data, before) >>> 0);

/**
 * The file of an image of one or three channels, and what its header says.
 * @throws DatasetError for other channels
 */
export function encodeImage(image: Image8): { bytes: Buffer; stored: StoredImage } {
  const { width, height, channels, data } = image;
  if (channels !== 1 && channels !== 3) throw new DatasetError(`${channels} channels cannot be stored`);
  const size = { width, height, channels };
  const bytes = Buffer.alloc(fileLength(size));
  [DIGESTED, width, height, channels].forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 * i);
  });
  const digest = createHash("sha256").update(bytes.subarray(0, DIGEST_AT)).update(data).digest();
  bytes.writeUInt32LE(MAGIC);
  bytes.set(digest, DIGEST_AT);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, CRC_AT)), CRC_AT);
  for (const { at, tiles } of runsOf(size, wholeOf(size))) {
    for (const tile of tiles) {
      const [from, to] = [at + tile.at, at + tile.at + tile.width * tile.height * channels];
      const source = { samples: data, at: (tile.y * width + tile.x) * channels, stride: width * channels };
      copyRows(source, { samples: bytes, at: from, stride: tile.width * channels }, tile.width * channels, tile.height);
      bytes.writeUInt32LE(crc32(bytes.subarray(from, to)), to);
    }
  }
  return { bytes, stored: { ...size, digest: digest.toString("hex") } };
}

/**
 * What a header says; undefined where it is none, or damaged, or the file isn't as long as it says.
 * @param size the file's bytes
 */
export function decodeHeader(header: Buffer, size: number): StoredImage | undefined {
  if (header.length < HEADER_BYTES || header.readUInt32LE(0) !== MAGIC) return undefined;
  const [width, height, channels] = [4, 8, 12].map((at) => header.readUInt32LE(at)) as [number, number, number];
  if ((channels !== 1 && channels !== 3) || width * height === 0) return undefined;
  if (header.readUInt32LE(CRC_AT) !== crc32(header.subarray(0, CRC_AT))) return undefined;
  if (size !== fileLength({ width, height, channels })) return undefined;
  return { width, height, channels, digest: header.toString("hex", DIGEST_AT, CRC_AT) };
}

type Layout = Pick<StoredImage, "width" | "height" | "channels">;

/** Bytes of an image's file. */
export const fileLength = ({ width, height, channels }: Layout): number =>
  HEADER_BYTES + width * height * channels + CRC_BYTES * Math.ceil(width / TILE) * Math.ceil(height / TILE);

/** A rectangle of an image, in pixels. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const wholeOf = ({ width, height }: Layout): Region => ({ x: 0, y: 0, width, height });

/** Tiles that follow each other in a file; bytes from its start. */
export interface Run {
  readonly at: number;
  readonly length: number;
  readonly tiles: readonly Tile[];
}

/** What a tile shows, and where it begins in its run. */
interface Tile extends Region {
  readonly at: number;
}

/** The tiles that hold a region, a run for each row of them. */
export function runsOf({ width, height, channels }: Layout, region: Region): Run[] {
  const columns = Math.ceil(width / TILE);
  const [left, top] = [Math.floor(region.x / TILE), Math.floor(region.y / TILE)];
  const [right, bottom] = [Math.ceil((region.x + region.width) / TILE), Math.ceil((region.y + region.height) / TILE)];
  const runs: Run[] = [];
  for (let row = top; row < bottom; row++) {
    const y = row * TILE;
    const tall = Math.min(TILE, height - y);
    // Left of a tile are tiles of the same height, above it those of the whole width.
    const start = HEADER_BYTES + y * width * channels + CRC_BYTES * row * columns;
    const begin = (column: number) => Math.min(column * TILE, width) * tall * channels + CRC_BYTES * column;
    const tiles: Tile[] = [];
    for (let column = left; column < right; column++) {
      const x = column * TILE;
      tiles.push({ x, y, width: Math.min(TILE, width - x), height: tall, at: begin(column) - begin(left) });
    }
    runs.push({ at: start + begin(left), length: begin(right) - begin(left), tiles });
  }
  return runs;
}

/**
 * Copies what a run's tiles hold of a region.
 * @param bytes the run's
 * @param target the region's samples, row after row
 * @returns whether the tiles are as they were stored
 */
export function takeRun(
  { channels }: Layout,
  { tiles }: Run,
  bytes: Buffer,
  region: Region,
  target: Uint8Array,
): boolean {
  const stride = region.width * channels;
  for (const tile of tiles) {
    const end = tile.at + tile.width * tile.height * channels;
    if (crc32(bytes.subarray(tile.at, end)) !== bytes.readUInt32LE(end)) return false;
    const [left, top] = [Math.max(tile.x, region.x), Math.max(tile.y, region.y)];
    const right = Math.min(tile.x + tile.width, region.x + region.width);
    const bottom = Math.min(tile.y + tile.height, region.y + region.height);
    const within = tile.at + ((top - tile.y) * tile.width + left - tile.x) * channels;
    const source = { samples: bytes, at: within, stride: tile.width * channels };
    const to = (top - region.y) * stride + (left - region.x) * channels;
    copyRows(source, { samples: target, at: to, stride }, (right - left) * channels, bottom - top);
  }
  return true;
}

/** Samples row after row, the first at `at`, `stride` from row to row. */
interface Rows {
  readonly samples: Uint8Array;
  readonly at: number;
  readonly stride: number;
}

/** Copies `length` samples of each of some rows. */
function copyRows(source: Rows, target: Rows, length: number, rows: number): void {
  for (let row = 0; row < rows; row++) {
    const from = source.at + row * source.stride;
    target.samples.set(source.samples.subarray(from, from + length), target.at + row * target.stride);
  }
}
