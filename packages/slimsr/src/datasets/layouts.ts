import { basename, dirname, join } from "node:path";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import { findImages, type ImageFile, requireDistinct } from "./find-images.js";
import { wordsOf } from "./names.js";
import type { Range } from "./range.js";
import { type Placed, placed } from "./roles.js";
import { refuseVersions } from "./versions.js";

/** The files of a pair of images. */
export interface PairFiles {
  readonly name: string;
  readonly hr: string;
  /** LR's file; undefined where LR is to be made from HR. */
  readonly lr: string | undefined;
  /** What is wrong with the pair, if anything. */
  readonly problem?: string;
}

/** The benchmarks' layout: FOLDER/HR/name.png and FOLDER/LR_bicubic/X2/namex2.png; FOLDER/LR holds what is degraded otherwise. */
export function benchmarkLayout(folder: string): Readonly<Record<"hr" | "lr" | "degraded", string>> {
  return { hr: join(folder, "HR"), lr: join(folder, "LR_bicubic"), degraded: join(folder, "LR") };
}

/** Path below LR_bicubic of the LR image of an HR image, without ending: X2/namex2; the name at scale 1. */
export function lrName(name: string, scale: number): string {
  return scale === 1 ? name : join(`X${scale}`, `${name}x${scale}`);
}

/**
 * The pairs of a set, sorted by name. Folders and files say what they hold, in capitals or not:
 *
 * - HR and LR_bicubic/X2/namex2.png: the benchmarks' layout; GTmod12 and LRbicx2: BasicSR's; hr and lr, original and LRbicx2 …
 * - DIV2K_train_HR and DIV2K_train_LR_bicubic/X2, or other names that end so, one or several, of whole images or of pieces (_sub):
 *   DIV2K's. A range goes by the numbers in the images' names.
 * - img_001_SRF_2_HR.png beside img_001_SRF_2_LR.png: SelfExSR's; baby_HR.png beside baby_LR.png.
 * - HR alone, or a plain folder in which every image is HR: LR is to be made. A range goes by the sorted order.
 * @throws DatasetError if the folder cannot be read, is empty, has no LR for the scale or no HR, holds pictures in several sizes and
 * doesn't say which are HR, or the range is empty
 */
export async function listPairs(
  folder: string,
  scale: number,
  range?: Range,
): Promise<{ pairs: PairFiles[]; note?: string }> {
  const images = await readLayout(folder);
  // Images as large as HR belong to no scale.
  const lr = scale === 1 ? images.lr.filter((image) => image.scale === undefined) : images.lr;
  const hr = ofScale(folder, images.hr, scale);
  const pairs =
    lr.length > 0 ? pairUp(folder, hr, lr, scale) : hr.map(({ name, path }) => ({ name, hr: path, lr: undefined }));
  return {
    pairs: inRange(folder, pairs, isNumbered(hr), range),
    ...(images.note !== undefined && { note: images.note }),
  };
}

/**
 * Pairs of a set's HR images alone, in any of the layouts of `listPairs`: inputs are to be made from them.
 * @throws DatasetError as there
 */
export async function listTruths(folder: string, range?: Range): Promise<{ pairs: PairFiles[]; note?: string }> {
  const { hr, lr } = await readLayout(folder);
  const truths = smallestScale(folder, hr);
  const pairs = truths.map(({ name, path }) => ({ name, hr: path, lr: undefined }));
  return {
    pairs: inRange(folder, pairs, isNumbered(truths), range),
    ...(lr.length > 0 && { note: `${folder}: inputs are made from its HR images; its LR images are left out` }),
  };
}

/**
 * The HR images of a set in any of the layouts of `listPairs`, one of each picture, sorted by name.
 * @throws DatasetError as there
 */
export async function listHr(folder: string): Promise<ImageFile[]> {
  return smallestScale(folder, (await readLayout(folder)).hr);
}

function smallestScale(folder: string, hr: readonly Placed[]): Placed[] {
  const scales = [...new Set(hr.flatMap(({ scale }) => scale ?? []))].sort((a, b) => a - b);
  return ofScale(folder, hr, scales[0]);
}

interface Layout {
  readonly hr: readonly Placed[];
  /** None where LR is to be made. */
  readonly lr: readonly Placed[];
  readonly note?: string;
}

async function readLayout(folder: string): Promise<Layout> {
  const files = await findImages(folder);
  const images = files.map(placed);
  const lr = images.filter(({ role }) => role === "lr");
  const pictures = new Set(lr.flatMap(({ key }) => [key, withoutScale(key)]));
  const isPaired = ({ key }: Placed) => pictures.has(key);
  let hr = images.filter(({ role }) => role === "hr");
  // Images beside a folder called lr.
  if (hr.length === 0) hr = images.filter((image) => image.role === undefined && isPaired(image));
  if (hr.some(isPaired) || (lr.length > 0 && hr.some(({ certain }) => certain))) return { hr, lr };
  const leading = hr.filter(({ certain }) => certain);
  if (leading.length > 0) {
    const said = `${folder}: there are HR images and no LR; it is made from them by MATLAB's bicubic`;
    const others = images.length - leading.length;
    return { hr: leading, lr: [], note: others === 0 ? said : `${said}. Other images are left out: ${others}` };
  }
  const alone = lr.find(({ certain }) => certain);
  if (alone) {
    throw new DatasetError(
      `${folder}: there are LR images (${alone.path}), but no HR images that belong to them; expected a folder HR beside them. To take them for HR, name ${join(folder, alone.folder)} itself`,
    );
  }
  requireDistinct(files);
  await refuseVersions(folder, files);
  return { hr: files.map((file) => ({ ...placed(file), name: file.name, key: file.name, scale: undefined })), lr: [] };
}

/** "babyx2" → "baby" */
const withoutScale = (key: string): string => key.replace(/x\d+$/, "");

/** The HR images for a scale, one of each picture. */
function ofScale(folder: string, all: readonly Placed[], scale: number | undefined): Placed[] {
  const fitting = all.filter((image) => image.scale === undefined || image.scale === scale);
  if (fitting.length === 0) {
    const scales = [...new Set(all.map((image) => `×${image.scale}`))].join(", ");
    throw new DatasetError(`${folder}: there are no images for ×${scale}; there are some for ${scales}`);
  }
  const best = new Map<string, Placed>();
  for (const image of fitting) {
    const other = best.get(image.key);
    if (other?.rank === image.rank) {
      throw new DatasetError(
        `${other.path} and ${image.path} have the same name, as HR of one picture; remove or rename one of them`,
      );
    }
    if (other === undefined || image.rank < other.rank) best.set(image.key, image);
  }
  return fitting.filter((image) => best.get(image.key) === image);
}

function pairUp(folder: string, hr: readonly Placed[], all: readonly Placed[], scale: number): PairFiles[] {
  const lr = all.filter((image) => image.scale === undefined || image.scale === scale);
  const paths = new Map<string, string>();
  for (const { key, path } of lr) if (!paths.has(key)) paths.set(key, path);
  if (lr.length === 0) {
    const scales = [...new Set(all.map((image) => `×${image.scale}`))].sort().join(", ");
    const expected = [...new Set(hr.map((image) => expectedFolder(folder, image, scale)))].slice(0, 3).join(", ");
    throw new DatasetError(
      `${folder}: there are no LR images for ×${scale}, only for ${scales}; expected ${expected}\n${howToMake(folder, hr[0] as Placed, scale)}`,
    );
  }
  const glued = lr.some(({ key }) => key.endsWith(`x${scale}`));
  return hr.map((image) => {
    const { name, key, path } = image;
    const found = paths.get(`${key}x${scale}`) ?? paths.get(key);
    if (found !== undefined) return { name, hr: path, lr: found };
    const file = `${name}${glued ? `x${scale}` : ""}.png`;
    const expected = join(lr[0]?.folder === "." ? folder : expectedFolder(folder, image, scale, lr), file);
    return { name, hr: path, lr: undefined, problem: `${path}: has no LR image; expected ${expected}` };
  });
}

/** Where an HR image's LR image lies: in the folder that those have that are there, else in the benchmarks'. */
function expectedFolder(folder: string, { folder: own }: Placed, scale: number, lr: readonly Placed[] = []): string {
  const { rest } = wordsOf(own.split("/")[0] as string);
  const there = lr.find((image) => wordsOf(image.folder.split("/")[0] as string).rest === rest);
  if (there) return join(folder, there.folder);
  return join(folder, rest === "" ? "LR_bicubic" : own.replace(/_HR.*$/i, "_LR_bicubic"), `X${scale}`);
}

function howToMake(folder: string, { folder: own }: Placed, scale: number): string {
  const hr = join(folder, own);
  const prepared = basename(hr) === "HR" ? dirname(hr) : "FOLDER";
  return `make LR images with: slimsr prepare --hr ${hr} --scale ${scale} --out ${prepared}\nor name ${hr} itself as the set: LR is then made from it`;
}

/** Whether images are called by their numbers in a set of a name: DIV2K_train_HR/0001.png. */
const isNumbered = (hr: readonly Placed[]): boolean =>
  hr.every(({ folder, name }) => folder !== "." && wordsOf(folder).rest !== "" && numberOf(name) !== undefined);

/** 12 of "0012", and of "0012_s003", a piece of it. */
const numberOf = (name: string): number | undefined => {
  const digits = /(\d+)(?:_s\d+)?$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** The pairs in a range; by their numbers, or by their order. */
export function inRange(folder: string, pairs: PairFiles[], numbered: boolean, range: Range | undefined): PairFiles[] {
  if (range === undefined) return pairs;
  const kept = pairs.filter(({ name }, i) => {
    const number = numbered ? (numberOf(name) as number) : i + 1;
    return number >= range.first && number <= range.last;
  });
  if (kept.length === 0) {
    throw new DatasetError(
      `${folder}: no image lies in the range ${range.first}-${range.last}; there are ${pairs.length}, from ${pairs[0]?.name} to ${pairs.at(-1)?.name}`,
    );
  }
  return kept;
}
