import { DatasetError, UsageError } from "@slimsr/core/internal/errors.js";
import { type FloatPlanes, resizeBicubic } from "@slimsr/core/internal/images/bicubic.js";
import { type ColourSpace, inColourSpace, toGrey } from "@slimsr/core/internal/images/colour.js";
import { crop, type Image, to8Bit } from "@slimsr/core/internal/images/image.js";
import { floatPlanes, imageFromPlanes, withoutAlpha } from "@slimsr/core/internal/images/planes.js";
import { listHr, type PairFiles } from "../datasets/layouts.js";
import { listSources } from "../datasets/sources.js";
import { BICUBIC, type Degradation, type Step } from "../degradations/degradation.js";
import { addNoise, degrade } from "../degradations/degrade.js";
import { readImage } from "../images/decode.js";
import { randomNumbers } from "../random.js";
import type { Patches } from "./batches.js";

export interface CalibrationOptions {
  readonly scale: number;
  /** What the network's images show; RGB where left out. */
  readonly space?: ColourSpace;
  /** How inputs are made of the images: see `parseDegradation`. Bicubic for a network that enlarges, where left out. */
  readonly degrade?: string | undefined;
  /** Folder of the inputs of the images, by their names, in place of making them. */
  readonly input?: string | undefined;
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
  /** As a file of it would be. */
  readonly lr: Image;
  /** As the network gets it, in 0..255: planes of grey for networks of grey images, of red, green and blue else. */
  readonly input: FloatPlanes;
  readonly hr: Image;
}

/** LR pixels around a patch that the bicubic reduction sees as well, where the image has them. */
const MARGIN = 4;

/**
 * LR patches at random places of a set's HR images, reduced by MATLAB's bicubic or degraded otherwise: what a network is
 * calibrated on. Images take turns in random order; those smaller than a patch are passed over.
 * @throws DatasetError if the folder holds no image that is large enough; ImageError for a damaged one; UsageError where nothing says
 * what the inputs of a restoration network are
 */
export async function calibrationPatches(folder: string, options: CalibrationOptions): Promise<Patches> {
  const { count = DEFAULT_COUNT, side = DEFAULT_SIDE, space = "rgb" } = options;
  if (!Number.isInteger(count) || count < 1)
    throw new UsageError(`the number of patches must be 1 or more, not ${count}`);
  const each = (space === "rgb" ? 3 : 1) * side * side;
  const data = new Float32Array(count * each);
  let taken = 0;
  for await (const { input } of patchPairs(folder, options)) data.set(inColourSpace(space, input).data, each * taken++);
  return { count, height: side, width: side, data };
}

/** The same patches one by one, each with the HR pixels that it was made from. @throws as `calibrationPatches` */
export async function* patchPairs(folder: string, options: CalibrationOptions): AsyncGenerator<ImagePair> {
  const { scale, count = DEFAULT_COUNT, side = DEFAULT_SIDE, seed = 0, space = "rgb", onPatch, signal } = options;
  const random = randomNumbers(seed);
  const { pairs, degradation } = await sourcesOf(folder, options);
  const files = shuffled(pairs, random);
  const read = async (path: string) => {
    const image = await readImage(path);
    return space === "grey" ? toGrey(withoutAlpha(image)) : image;
  };
  let taken = 0;
  let small = 0;
  for (let at = 0; taken < count; at = (at + 1) % files.length) {
    signal?.throwIfAborted();
    const { hr, lr } = files[at] as PairFiles;
    const image = await read(hr);
    if (Math.min(image.width, image.height) < side * scale) {
      if (++small < files.length || taken > 0) continue;
      throw new DatasetError(
        `${folder}: every image is smaller than ${side * scale}×${side * scale} pixels, which a patch at ×${scale} takes; choose larger images`,
      );
    }
    const planes = space === "grey" ? 1 : 3;
    if (lr === undefined) yield await degradedPatch(image, { scale, side, planes }, degradation, random);
    else yield foundPatch(image, await read(lr), { scale, side, planes }, random, `${lr} and ${hr}`);
    taken++;
    onPatch?.(taken, count);
  }
}

async function sourcesOf(
  folder: string,
  { scale, degrade: text, input }: CalibrationOptions,
): Promise<{ pairs: readonly PairFiles[]; degradation: Degradation }> {
  if (scale > 1 && text === undefined && input === undefined) {
    // LR that a set has beside its HR is left: all patches are made alike.
    const hr = await listHr(folder);
    return { pairs: hr.map(({ name, path }) => ({ name, hr: path, lr: undefined })), degradation: BICUBIC };
  }
  const sources = await listSources(folder, { scale, degrade: text, input });
  const problem = sources.pairs.find((pair) => pair.problem !== undefined)?.problem;
  if (problem !== undefined) throw new DatasetError(problem);
  return sources;
}

interface PatchShape {
  readonly scale: number;
  readonly side: number;
  readonly planes: 1 | 3;
}

/** A random square of the image, and what it is when degraded together with a margin around it. */
async function degradedPatch(
  image: Image,
  { scale, side, planes }: PatchShape,
  { stored, noise }: Degradation,
  random: () => number,
): Promise<ImagePair> {
  const margin = marginOf(stored, scale);
  const place = (size: number) => {
    const start = Math.floor(random() * (Math.floor(size / scale) - side + 1));
    const before = Math.min(start, margin);
    const after = Math.min(Math.floor(size / scale) - start - side, margin);
    return { start: (start - before) * scale, length: (before + side + after) * scale, before };
  };
  const [x, y] = [place(image.width), place(image.height)];
  const region = crop(image, x.start, y.start, x.length, y.length);
  const isBicubic = stored.length === 1 && stored[0]?.kind === "bicubic";
  const made = isBicubic
    ? resizeBicubic(region, 1 / scale)
    : await degrade(to8Bit(withoutAlpha(region)), stored, scale, random);
  const [left, top] = [x.start + x.before * scale, y.start + y.before * scale];
  const clean = crop(made, x.before, y.before, side, side);
  const input = floatPlanes(clean, planes);
  if (noise) addNoise(input.data, noise, random);
  return {
    lr: noise ? imageFromPlanes(input.data, side, side) : clean,
    input,
    hr: crop(image, left, top, side * scale, side * scale),
  };
}

/** LR pixels around a patch that what is done to it sees as well: a blur's reach, and blocks of JPEG. */
function marginOf(steps: readonly Step[], scale: number): number {
  const reach = steps.reduce((sum, step) => {
    if (step.kind === "blur") return sum + Math.ceil(3 * step.most);
    return step.kind === "jpeg" ? sum + 16 : sum;
  }, 0);
  return MARGIN + Math.ceil(reach / scale);
}

/** A random square of an image and the same of its input. @throws DatasetError where their sizes don't fit */
function foundPatch(
  hr: Image,
  lr: Image,
  { scale, side, planes }: PatchShape,
  random: () => number,
  names: string,
): ImagePair {
  if (Math.floor(hr.width / scale) !== lr.width || Math.floor(hr.height / scale) !== lr.height) {
    throw new DatasetError(
      `${names} are ${lr.width}×${lr.height} and ${hr.width}×${hr.height} pixels, which don't belong together at ×${scale}`,
    );
  }
  const [x, y] = [lr.width, lr.height].map((size) => Math.floor(random() * (size - side + 1))) as [number, number];
  const patch = crop(lr, x, y, side, side);
  return {
    lr: patch,
    input: floatPlanes(patch, planes),
    hr: crop(hr, x * scale, y * scale, side * scale, side * scale),
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
