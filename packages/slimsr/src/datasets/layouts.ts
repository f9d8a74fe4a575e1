import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import { systemReason } from "../files/system-reason.js";
import { findImages, type ImageFile } from "./find-images.js";
import type { Range } from "./range.js";

/** Where a set keeps its HR and LR images: LR of name.png is FOLDER/X2/namex2.png. */
interface Layout {
  readonly hr: string;
  readonly lr: string;
}

/** The files of a pair of images. */
export interface PairFiles {
  readonly name: string;
  readonly hr: string;
  /** LR's file; undefined where LR is to be made from HR. */
  readonly lr: string | undefined;
  /** What is wrong with the pair, if anything. */
  readonly problem?: string;
}

/** The benchmarks' layout: FOLDER/HR/name.png and FOLDER/LR_bicubic/X2/namex2.png. */
export function benchmarkLayout(folder: string): Layout {
  return { hr: join(folder, "HR"), lr: join(folder, "LR_bicubic") };
}

/** Path below `Layout.lr` of the LR image of an HR image, without ending: X2/namex2. */
export function lrName(name: string, scale: number): string {
  return join(`X${scale}`, `${name}x${scale}`);
}

/**
 * The pairs of a set, sorted by name.
 *
 * - HR and LR_bicubic in the folder: the benchmarks' layout.
 * - DIV2K_train_HR and DIV2K_train_LR_bicubic, or other names that end so, one or several: DIV2K's. A range goes by the
 *   numbers in the images' names.
 * - Otherwise a plain folder: every image below it is HR, and LR is to be made. A range goes by the sorted order.
 * @throws DatasetError if the folder cannot be read, is empty, has no LR folder for the scale, or the range is empty
 */
export async function listPairs(folder: string, scale: number, range?: Range): Promise<PairFiles[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    throw new DatasetError(
      `${folder}: cannot be read: ${systemReason(error)}; expected a folder of HR images, or one that holds HR and LR_bicubic, or DIV2K_train_HR and DIV2K_train_LR_bicubic`,
      { cause: error },
    );
  });
  const names = entries.filter((entry) => !entry.isFile()).map(({ name }) => name);
  const benchmark = names.includes("HR");
  const numbered = benchmark
    ? []
    : names.filter((name) => name.endsWith("_HR") && (name.startsWith("DIV2K") || names.includes(lrFolder(name))));
  const layouts = benchmark
    ? [benchmarkLayout(folder)]
    : numbered.sort().map((hr) => ({ hr: join(folder, hr), lr: join(folder, lrFolder(hr)) }));
  const pairs =
    layouts.length === 0
      ? (await findImages(folder)).map(({ name, path }) => ({ name, hr: path, lr: undefined }))
      : (await Promise.all(layouts.map((layout) => pairUp(layout, scale)))).flat();
  if (range === undefined) return pairs;
  const kept = pairs.filter(({ name }, i) => {
    const number = numbered.length > 0 ? Number(/\d+$/.exec(name)?.[0]) : i + 1;
    return number >= range.first && number <= range.last;
  });
  if (kept.length === 0) {
    throw new DatasetError(
      `${folder}: no image lies in the range ${range.first}-${range.last}; there are ${pairs.length}, from ${pairs[0]?.name} to ${pairs.at(-1)?.name}`,
    );
  }
  return kept;
}

/** DIV2K_train_HR → DIV2K_train_LR_bicubic */
function lrFolder(hr: string): string {
  return hr.replace(/_HR$/, "_LR_bicubic");
}

async function pairUp(layout: Layout, scale: number): Promise<PairFiles[]> {
  const hr = await findImages(layout.hr);
  const folder = join(layout.lr, `X${scale}`);
  const lr = await findImages(folder).catch((error: unknown) => {
    if (!(error instanceof DatasetError)) throw error;
    throw new DatasetError(`${error.message}\n${howToMake(layout, scale)}`, { cause: error });
  });
  const lrPaths = new Map(lr.map(({ name, path }) => [name, path]));
  return hr.map(({ name, path }: ImageFile) => {
    const found = lrPaths.get(`${name}x${scale}`);
    const expected = `${join(layout.lr, lrName(name, scale))}.png`;
    return found === undefined
      ? { name, hr: path, lr: undefined, problem: `${path}: has no LR image; expected ${expected}` }
      : { name, hr: path, lr: found };
  });
}

function howToMake({ hr }: Layout, scale: number): string {
  const prepared = basename(hr) === "HR" ? dirname(hr) : "FOLDER";
  return `make LR images with: slimsr prepare --hr ${hr} --scale ${scale} --out ${prepared}\nor name ${hr} itself as the set: LR is then made from it`;
}
