import { createHash } from "node:crypto";
import { closeSync, openSync, readSync, rmSync } from "node:fs";
import { open, readFile, rm, stat, utimes } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import { type Image8, imageOf } from "@slimsr/core/internal/images/image.js";
import { writeAtomic } from "../files/atomic.js";
import { makeFolder } from "../files/folders.js";
import { systemReason } from "../files/system-reason.js";
import {
  decodeHeader,
  encodeImage,
  fileLength,
  HEADER_BYTES,
  runsOf,
  type StoredImage,
  takeRun,
  wholeOf,
} from "./stored-image.js";

/**
 * Decoded images on disk, a file each (see `StoredImage`), so that any number of them can be read in pieces at little memory.
 *
 * A file is called by a digest of its source's path, of what the file system says of the source, of how it was made and of the
 * format's version. A source that was changed has another time of change there, which nobody can set, and gets another file.
 */
const VERSION = 3;

/** Where a decoded image lies. Structured-cloneable. */
export interface DecodedImage extends StoredImage {
  readonly file: string;
}

/**
 * The file that holds, or is to hold, what is made from a source.
 * @param how what the samples are: "hr", "bicubic x2"
 * @throws DatasetError if the source is not there
 */
export async function cacheFile(directory: string, source: string, how: string): Promise<string> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(source, { bigint: true }).catch((error: unknown) => {
    throw new DatasetError(`${source}: cannot be read: ${systemReason(error)}`, { cause: error });
  });
  const key = [VERSION, resolve(source), dev, ino, size, mtimeNs, ctimeNs, how].join("\n");
  const digest = createHash("sha256").update(key).digest("hex").slice(0, 40);
  return join(resolve(directory), digest.slice(0, 2), `${digest.slice(2)}.raw`);
}

/** Milliseconds after which a file that is used is marked as such again. */
const MARKED = 3_600_000;

/** The decoded image in a file of the cache, or undefined if there is none or it is not whole. */
export async function findDecoded(file: string): Promise<DecodedImage | undefined> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const { size, mtimeMs } = await handle.stat();
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(HEADER_BYTES), position: 0 });
    const image = decodeHeader(buffer.subarray(0, bytesRead), size);
    // How long a file hasn't been used decides what a full cache drops.
    if (image && Date.now() - mtimeMs > MARKED) await utimes(file, new Date(), new Date()).catch(() => undefined);
    return image && { file, ...image };
  } finally {
    await handle.close();
  }
}

/**
 * Stores an image of one or three channels.
 * @throws DatasetError if the folder cannot be written
 */
export async function storeDecoded(file: string, image: Image8): Promise<DecodedImage> {
  const { bytes, stored } = encodeImage(image);
  try {
    await makeFolder(dirname(file));
    await writeAtomic(file, bytes);
  } catch (error) {
    throw new DatasetError(
      `${file}: cannot be written: ${systemReason(error)}; choose another folder for decoded images (XDG_CACHE_HOME), or empty this one (slimsr cache --clear)`,
      { cause: error },
    );
  }
  return { file, ...stored };
}

/**
 * Reads a decoded image.
 * @throws DatasetError if the file is gone or damaged
 */
export async function readDecoded(decoded: DecodedImage): Promise<Image8> {
  const { file, width, height, channels } = decoded;
  const bytes = await readFile(file).catch((error: unknown) => {
    throw goneFromCache(file, error);
  });
  const whole = wholeOf(decoded);
  const data = new Uint8Array(width * height * channels);
  const isWhole =
    bytes.length === fileLength(decoded) &&
    runsOf(decoded, whole).every((run) =>
      takeRun(decoded, run, bytes.subarray(run.at, run.at + run.length), whole, data),
    );
  if (!isWhole) {
    await rm(file, { force: true });
    throw damagedInCache(file);
  }
  return imageOf(width, height, channels, data);
}

// What is read of a file at once: to get memory of the system's for each read takes ten times as long as reading.
let read = Buffer.alloc(0);

/**
 * Reads a rectangle of a decoded image, without most of the rest. Blocks: for worker threads.
 * @param target gets `width` · `height` pixels, as in `Image8.data`, and is returned
 * @throws DatasetError if the file is gone or damaged
 */
export function readRegion(
  decoded: DecodedImage,
  x: number,
  y: number,
  width: number,
  height: number,
  target: Uint8Array = new Uint8Array(width * height * decoded.channels),
): Uint8Array {
  const { file } = decoded;
  const region = { x, y, width, height };
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    throw goneFromCache(file, error);
  }
  try {
    for (const run of runsOf(decoded, region)) {
      if (read.length < run.length) read = Buffer.alloc(run.length);
      const isWhole = readSync(handle, read, 0, run.length, run.at) === run.length;
      if (!isWhole || !takeRun(decoded, run, read, region, target)) throw damagedInCache(file);
    }
  } catch (error) {
    // What is damaged is decoded anew the next time.
    rmSync(file, { force: true });
    throw error instanceof DatasetError ? error : damagedInCache(file);
  } finally {
    closeSync(handle);
  }
  return target;
}

function goneFromCache(file: string, error: unknown): DatasetError {
  return new DatasetError(
    `${file}: a decoded image has gone from the cache: ${systemReason(error)}; run the command again to decode it anew`,
    { cause: error },
  );
}

const damagedInCache = (file: string): DatasetError =>
  new DatasetError(
    `${file}: a decoded image in the cache was damaged and has been removed; run the command again to decode it anew`,
  );
