import { DatasetError, UsageError } from "@slimsr/core/internal/errors.js";
import { resizeBicubic } from "@slimsr/core/internal/images/bicubic.js";
import { crop, type Image } from "@slimsr/core/internal/images/image.js";
import { writeRgbPlanes } from "@slimsr/core/internal/images/planes.js";
import { listHr } from "../datasets/layouts.js";
import { readImage } from "../images/decode.js";
import { randomNumbers } from "../random.js";
import type { Patches } from "./batches.js";

export interface CalibrationOptions {
  readonly scale: number;
  /** How many patches; 48 where left out. */
  readonly count?: number;
  /** Pixels along a side of a patch; 32 where left out. */
  readonly side?: number;
  readonly seed?: number;
  readonly onPatch?: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

const [DEFAULT_COUNT, DEFAULT_SIDE] = [48, 32];

/** An image and what a network should make of it. */
export interface ImagePair {
  readonly lr: Image;
  readonly hr: Image;
}

/** LR pixels around a patch that the bicubic reduction sees as well, where the image has them. */
const MARGIN = 4;

/**
 * LR patches at random places of a set's HR images, reduced by MATLAB's bicubic: what a network is
 * calibrated on. Images take turns in random order; those smaller than a patch are passed over.
 * @throws DatasetError if the folder holds no image that is large enough; ImageError for a damaged one
 */
export async function calibrationPatches(folder: string, options: CalibrationOptions): Promise<Patches> {
  const { count = DEFAULT_COUNT, side = DEFAULT_SIDE } = options;
  if (!Number.isInteger(count) || count < 1)
    throw new UsageError(`the number of patches must be 1 or more, not ${count}`);
  const each = 3 * side * side;
  const data = new Float32Array(count * each);
  let taken = 0;
  for await (const { lr } of patchPairs(folder, options)) writeRgbPlanes(lr, data, each * taken++);
  return { count, height: side, width: side, data };
}

/** The same patches one by one, each with the HR pixels that it was reduced from. @throws DatasetError, ImageError as `calibrationPatches` */
export async function* patchPairs(
  folder: string,
  { scale, count = DEFAULT_COUNT, side = DEFAULT_SIDE, seed = 0, onPatch, signal }: CalibrationOptions,
): AsyncGenerator<ImagePair> {
  const random = randomNumbers(seed);
  const files = shuffled(await listHr(folder), random);
  let taken = 0;
  let small = 0;
  for (let at = 0; taken < count; at = (at + 1) % files.length) {
    signal?.throwIfAborted();
    const { path } = files[at] as { path: string };
    const image = await readImage(path);
    if (Math.min(image.width, image.height) < side * scale) {
      if (++small < files.length || taken > 0) continue;
      throw new DatasetError(
        `${folder}: every image is smaller than ${side * scale}×${side * scale} pixels, which a patch at ×${scale} takes; choose larger images`,
      );
    }
    yield reducedPatch(image, scale, side, random);
    taken++;
    onPatch?.(taken, count);
  }
}

/** A random square of the image, and what it is when reduced together with a margin around it. */
function reducedPatch(image: Image, scale: number, side: number, random: () => number): ImagePair {
  const place = (size: number) => {
    const start = Math.floor(random() * (Math.floor(size / scale) - side + 1));
    const before = Math.min(start, MARGIN);
    const after = Math.min(Math.floor(size / scale) - start - side, MARGIN);
    return { start: (start - before) * scale, length: (before + side + after) * scale, before };
  };
  const [x, y] = [place(image.width), place(image.height)];
  const reduced = resizeBicubic(crop(image, x.start, y.start, x.length, y.length), 1 / scale);
  const [left, top] = [x.start + x.before * scale, y.start + y.before * scale];
  return {
    lr: crop(reduced, x.before, y.before, side, side),
    hr: crop(image, left, top, side * scale, side * scale),
  };
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j] as T, result[i] as T];
  }
  return result;
}
