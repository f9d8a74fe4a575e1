import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import { type Image8, imageOf } from "@slimsr/core/internal/images/image.js";
import { writeAtomic } from "../files/atomic.js";
import { makeFolder } from "../files/folders.js";
import { systemReason } from "../files/system-reason.js";

/**
 * Decoded images on disk, a file each, so that any number of them can be read in pieces at little memory.
 *
 * A file holds a header of 16 bytes (a magic number, width, height and channels, 32 bits each, little endian) and the
 * 8-bit samples, row after row. It is called by a digest of its source's path, size and time of change, of how it was
 * made and of this format's version: a changed source gets another file. Files are written beside their target and
 * renamed, so that two processes may prepare the same images at once.
 */

const headerBytes = 16;
const magic = 0x31494c53; // "SLI1": to be changed with whatever changes what is stored

/** Where a decoded image lies. Structured-cloneable. */
export interface DecodedImage {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  /** 1 grey, 3 RGB. */
  readonly channels: 1 | 3;
}

/** $XDG_CACHE_HOME/slimsr/images, or ~/.cache/slimsr/images. */
export function defaultCacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slimsr", "images");
}

/**
 * The file that holds, or is to hold, what is made from a source.
 * @param how what the samples are: "hr", "bicubic x2"
 * @throws DatasetError if the source is not there
 */
export async function cacheFile(directory: string, source: string, how: string): Promise<string> {
  const { size, mtimeMs } = await stat(source).catch((error: unknown) => {
    throw new DatasetError(`${source}: cannot be read: ${systemReason(error)}`, { cause: error });
  });
  const key = JSON.stringify([magic, resolve(source), size, mtimeMs, how]);
  const digest = createHash("sha256").update(key).digest("hex").slice(0, 40);
  return join(resolve(directory), digest.slice(0, 2), `${digest.slice(2)}.raw`);
}

/** The decoded image in a file of the cache, or undefined if there is none or it is not whole. */
export async function findDecoded(file: string): Promise<DecodedImage | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(headerBytes), position: 0 });
    if (bytesRead < headerBytes || buffer.readUInt32LE(0) !== magic) return undefined;
    const [width, height, channels] = [4, 8, 12].map((at) => buffer.readUInt32LE(at)) as [number, number, number];
    if ((channels !== 1 && channels !== 3) || width * height === 0) return undefined;
    const { size } = await handle.stat();
    return size === headerBytes + width * height * channels ? { file, width, height, channels } : undefined;
  } finally {
    await handle.close();
  }
}

/**
 * Stores an image of one or three channels.
 * @throws DatasetError if the folder cannot be written
 */
export async function storeDecoded(file: string, image: Image8): Promise<DecodedImage> {
  const { width, height, channels, data } = image;
  if (channels !== 1 && channels !== 3) throw new DatasetError(`${channels} channels cannot be stored`);
  const bytes = Buffer.alloc(headerBytes + data.length);
  [magic, width, height, channels].forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 * i);
  });
  bytes.set(data, headerBytes);
  try {
    await makeFolder(dirname(file));
    await writeAtomic(file, bytes, { sync: false });
  } catch (error) {
    throw new DatasetError(
      `${file}: cannot be written: ${systemReason(error)}; choose another folder for decoded images (XDG_CACHE_HOME)`,
      { cause: error },
    );
  }
  return { file, width, height, channels };
}

/**
 * Reads a decoded image.
 * @throws DatasetError if the file is gone
 */
export async function readDecoded({ file, width, height, channels }: DecodedImage): Promise<Image8> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw goneFromCache(file, error);
  });
  const samples = new Uint8Array(bytes.buffer, bytes.byteOffset + headerBytes, bytes.length - headerBytes);
  return imageOf(width, height, channels, samples);
}

/**
 * Reads a rectangle of a decoded image, without the rest. Blocks: for worker threads.
 * @returns `width` · `height` pixels, as in `Image8.data`
 * @throws DatasetError if the file is gone
 */
export function readRegion(decoded: DecodedImage, x: number, y: number, width: number, height: number): Uint8Array {
  const { file, channels } = decoded;
  const rowBytes = width * channels;
  const data = new Uint8Array(rowBytes * height);
  try {
    const handle = openSync(file, "r");
    try {
      for (let row = 0; row < height; row++) {
        const position = headerBytes + ((y + row) * decoded.width + x) * channels;
        readSync(handle, data, row * rowBytes, rowBytes, position);
      }
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    throw goneFromCache(file, error);
  }
  return data;
}

function goneFromCache(file: string, error: unknown): DatasetError {
  return new DatasetError(
    `${file}: a decoded image has gone from the cache: ${systemReason(error)}; run the command again to decode it anew`,
    { cause: error },
  );
}
