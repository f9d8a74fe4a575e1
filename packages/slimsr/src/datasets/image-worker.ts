import { dirname } from "node:path";
import { DatasetError, SlimsrError } from "@slimsr/core/internal/errors.js";
import { resizeBicubic } from "@slimsr/core/internal/images/bicubic.js";
import { toGrey } from "@slimsr/core/internal/images/colour.js";
import { cropToMultiple, type Image, to8Bit } from "@slimsr/core/internal/images/image.js";
import { withoutAlpha } from "@slimsr/core/internal/images/planes.js";
import { BICUBIC, type Degradation, type Step } from "../degradations/degradation.js";
import { degrade, seededBy } from "../degradations/degrade.js";
import { makeFolder } from "../files/folders.js";
import { systemReason } from "../files/system-reason.js";
import { readImage } from "../images/decode.js";
import { writeImage } from "../images/encode.js";
import { type DecodedImage, storeDecoded } from "./decoded-cache.js";
import type { Outcome } from "./image-pool.js";
import { smallerCopy } from "./smaller-copies.js";

/** Entry of the worker threads that decode, shrink and write images; image-pool.ts calls the functions by name. */

export interface CacheJob {
  readonly source: string;
  readonly targets: readonly CacheTarget[];
  /** Whether it is made grey first. */
  readonly grey: boolean;
  readonly maxPixels: number;
}

/** What to store where: the image itself where there are no steps, else what they make of it. */
export interface CacheTarget {
  /** Which smaller copy takes the image's place, where one does (see `smallerCopy`). */
  readonly copy: number | undefined;
  readonly steps: readonly Step[];
  readonly scale: number;
  readonly file: string;
}

/** Of the ranges and the noise of what is stored. */
const SEED = 0;

/**
 * Decodes an image to 8-bit grey or RGB and stores it, smaller copies, or what degradations make of them, in the cache.
 * @returns a stored image per target; undefined for those of copies that are too small to be reduced by the scale
 */
export function cacheImage({
  source,
  targets,
  grey,
  maxPixels,
}: CacheJob): Promise<Outcome<(DecodedImage | undefined)[]>> {
  return outcome(async () => {
    const decoded = withoutAlpha(to8Bit(await readImage(source, { maxPixels })));
    const image = to8Bit(grey ? toGrey(decoded) : decoded);
    const stored: (DecodedImage | undefined)[] = [];
    let latest = { copy: undefined as number | undefined, truth: image };
    for (const { copy, steps, scale, file } of targets) {
      // A copy's targets follow one another, so that it is made once.
      if (copy !== latest.copy) latest = { copy, truth: copy === undefined ? image : smallerCopy(image, copy) };
      const { truth } = latest;
      if (steps.length === 0) stored.push(await storeDecoded(file, truth));
      else if (copy !== undefined && !hasRoom(truth, scale)) stored.push(undefined);
      else {
        requireRoom(truth, scale, source);
        const whole = to8Bit(cropToMultiple(truth, scale));
        stored.push(await storeDecoded(file, await degrade(whole, steps, scale, seededBy(SEED, truth.data))));
      }
    }
    return stored;
  });
}

export interface WriteJob {
  readonly source: string;
  /** Where the image itself goes; undefined if it is there already. */
  readonly hr: string | undefined;
  readonly lr: readonly { readonly scale: number; readonly degradation: Degradation; readonly path: string }[];
  readonly maxPixels: number;
}

export interface WrittenPair {
  readonly width: number;
  readonly height: number;
}

/** Writes an image and what degradations make of it as files. */
export function writeImagePair({ source, hr, lr, maxPixels }: WriteJob): Promise<Outcome<WrittenPair>> {
  return outcome(async () => {
    const image = await readImage(source, { maxPixels });
    const reductions: { path: string; image: Image }[] = [];
    for (const { path, ...how } of lr) reductions.push({ path, image: await degraded(image, how, source) });
    if (hr !== undefined) await write(hr, image);
    for (const { path, image } of reductions) await write(path, image);
    return { width: image.width, height: image.height };
  });
}

/** Bicubic alone keeps alpha and 16 bits. */
async function degraded(
  image: Image,
  { scale, degradation: { text, stored, noise } }: { scale: number; degradation: Degradation },
  source: string,
): Promise<Image> {
  if (text === BICUBIC.text) return shrink(image, scale, source);
  requireRoom(image, scale, source);
  const whole = to8Bit(withoutAlpha(cropToMultiple(image, scale)));
  return degrade(whole, noise ? [...stored, { kind: "noise", ...noise }] : stored, scale, seededBy(SEED, whole.data));
}

/** LR as the benchmarks have it: HR is cropped to a multiple of the scale, then resized by MATLAB's bicubic. */
function shrink(image: Image, scale: number, source: string): Image {
  requireRoom(image, scale, source);
  return resizeBicubic(cropToMultiple(image, scale), 1 / scale);
}

const hasRoom = ({ width, height }: Image, scale: number): boolean => Math.min(width, height) >= scale;

function requireRoom(image: Image, scale: number, source: string): void {
  if (!hasRoom(image, scale)) {
    throw new DatasetError(`${source}: ${image.width}×${image.height} pixels are too few to shrink by ${scale}`);
  }
}

async function write(path: string, image: Image): Promise<void> {
  await makeFolder(dirname(path)).catch((error: unknown) => {
    throw new DatasetError(`${dirname(path)}: cannot be made: ${systemReason(error)}`, { cause: error });
  });
  await writeImage(path, image);
}

/** Errors lose their class between threads, so what a user can cause is returned as a message. */
async function outcome<Result>(work: () => Promise<Result>): Promise<Outcome<Result>> {
  try {
    return { result: await work() };
  } catch (error) {
    if (error instanceof SlimsrError) return { problem: error.message };
    throw error;
  }
}
