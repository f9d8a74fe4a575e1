import { basename, relative } from "node:path";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import { crop, type Image } from "@slimsr/core/internal/images/image.js";
import { defaultMaxPixels } from "../images/decode.js";
import { defaultCacheDirectory, limitCache } from "./cache-folder.js";
import { cacheFile, type DecodedImage, findDecoded, readDecoded } from "./decoded-cache.js";
import { forEachImage, type PoolOptions } from "./image-pool.js";
import { listPairs, type PairFiles } from "./layouts.js";
import { namedFolder } from "./names.js";
import { requireSound, type Skipped } from "./problems.js";
import type { Range } from "./range.js";

export interface DatasetOptions extends Pick<PoolOptions, "onProgress" | "signal"> {
  /** How many times larger HR is than LR: 2, 3, 4 … */
  readonly scale: number;
  /** Only these images: by the numbers in the names in DIV2K's layout, by the sorted order elsewhere. */
  readonly range?: Range | undefined;
  /** Goes on without images that cannot be used, and lists them in `Dataset.skipped`. */
  readonly skipBad?: boolean | undefined;
  /** Where decoded images are kept. Default `defaultCacheDirectory()`. */
  readonly cacheDirectory?: string | undefined;
  /** Pixels that an image may have. Default `defaultMaxPixels`. */
  readonly maxPixels?: number | undefined;
}

/** An HR image and its LR image, 8 bits a sample, grey or RGB. HR is exactly `scale` times as large as LR. */
export interface Pair {
  /** Path below the set's folder without ending: "baby". */
  readonly name: string;
  hr(): Promise<Image>;
  lr(): Promise<Image>;
  /** Where the two lie decoded. HR may be larger here at the right and bottom than a multiple of the scale. */
  readonly decoded: { readonly hr: DecodedImage; readonly lr: DecodedImage };
}

export interface Dataset {
  /** The folder's name, for Set5/HR too: "Set5". */
  readonly name: string;
  readonly path: string;
  readonly scale: number;
  /** At least one, sorted by name. */
  readonly pairs: readonly Pair[];
  readonly skipped: readonly Skipped[];
  /** What was made of the folder, where that is worth saying. */
  readonly note?: string;
}

/**
 * Opens a folder of images in one of the layouts of `listPairs`: the benchmarks', DIV2K's and others', or a plain folder of HR
 * images whose LR is made by MATLAB's bicubic. All images are decoded once, in parallel, into the cache on disk; later
 * they are read from there, whole or in pieces, so that memory does not grow with the set.
 * @throws DatasetError at once, naming files: a wrong path, an empty folder, HR without LR, sizes that do not fit, damaged
 * images; with `skipBad` only if no pair is left
 * @throws InterruptedError if the signal was aborted; what was decoded is kept
 */
export async function openDataset(path: string, options: DatasetOptions): Promise<Dataset> {
  const { scale, range, skipBad = false } = options;
  if (!Number.isInteger(scale) || scale < 2) {
    throw new DatasetError(`${path}: the scale must be a whole number from 2, not ${scale}`);
  }
  const listed = await listPairs(path, scale, range);
  const candidates: Candidate[] = listed.pairs.map((files) => ({ files, problem: files.problem }));
  const unpaired = skippedOf(path, candidates);
  requireSound(path, candidates.length - unpaired.length, unpaired, skipBad);
  await decodeAll(candidates, options);
  const pairs: Pair[] = [];
  for (const candidate of candidates) {
    const { files, hr, lr, problem } = candidate;
    if (problem !== undefined || hr === undefined || lr === undefined) continue;
    candidate.problem = sizeMismatch(files, hr, lr, scale);
    if (candidate.problem === undefined) pairs.push(pairOf(files.name, hr, lr, scale));
  }
  const skipped = skippedOf(path, candidates);
  requireSound(path, pairs.length, skipped, skipBad);
  const { note } = listed;
  return { name: basename(namedFolder(path)), path, scale, pairs, skipped, ...(note !== undefined && { note }) };
}

function skippedOf(path: string, candidates: readonly Candidate[]): Skipped[] {
  return candidates.flatMap(({ files, problem }) =>
    problem === undefined ? [] : [{ file: relative(path, files.hr), reason: problem }],
  );
}

/** A pair on its way: its decoded images, or its problem. */
interface Candidate {
  readonly files: PairFiles;
  hr?: DecodedImage;
  lr?: DecodedImage;
  problem?: string | undefined;
}

/** An image that a candidate needs: what is made of a source, and where the cache is to have it. */
interface Wanted {
  readonly candidate: Candidate;
  readonly role: "hr" | "lr";
  readonly source: string;
  /** 1 for the source itself, else its bicubic reduction. */
  readonly scale: number;
  readonly file: string;
}

/** Images that are looked for in the cache at once. */
const AT_ONCE = 64;

async function decodeAll(candidates: readonly Candidate[], options: DatasetOptions): Promise<void> {
  const missing = new Map<string, Wanted[]>();
  for (let at = 0; at < candidates.length; at += AT_ONCE) {
    const found = await Promise.all(
      candidates.slice(at, at + AT_ONCE).map(async (candidate) => {
        const wanted = await wantedImages(candidate, options);
        return Promise.all(wanted.map(async (each) => ({ ...each, decoded: await findDecoded(each.file) })));
      }),
    );
    for (const { decoded, ...wanted } of found.flat()) {
      if (decoded === undefined) missing.set(wanted.source, [...(missing.get(wanted.source) ?? []), wanted]);
      else wanted.candidate[wanted.role] = decoded;
    }
  }
  if (missing.size === 0) return;
  const { onProgress, signal, skipBad = false, maxPixels = defaultMaxPixels } = options;
  const groups = [...missing.values()];
  const jobs = [...missing].map(([source, targets]) => ({
    source,
    targets: targets.map(({ scale, file }) => ({ scale, file })),
    maxPixels,
  }));
  const outcomes = await forEachImage("cacheImage", jobs, { onProgress, signal, stopAtProblem: !skipBad });
  for (const [i, group] of groups.entries()) {
    for (const [k, { candidate, role }] of group.entries()) {
      const { result, problem } = outcomes[i] ?? {};
      candidate.problem ??= problem;
      if (result?.[k]) candidate[role] = result[k];
    }
  }
  await limitCache(options.cacheDirectory ?? defaultCacheDirectory());
}

async function wantedImages(candidate: Candidate, options: DatasetOptions): Promise<Wanted[]> {
  if (candidate.problem !== undefined) return [];
  const { scale, cacheDirectory = defaultCacheDirectory() } = options;
  const { hr, lr } = candidate.files;
  const sources = [
    { candidate, role: "hr", source: hr, scale: 1 },
    { candidate, role: "lr", source: lr ?? hr, scale: lr === undefined ? scale : 1 },
  ] as const;
  try {
    return await Promise.all(
      sources.map(async (wanted) => {
        const how = wanted.scale === 1 ? "decoded" : `bicubic x${scale}`;
        return { ...wanted, file: await cacheFile(cacheDirectory, wanted.source, how) };
      }),
    );
  } catch (error) {
    if (!(error instanceof DatasetError)) throw error;
    candidate.problem = error.message;
    return [];
  }
}

function sizeMismatch(files: PairFiles, hr: DecodedImage, lr: DecodedImage, scale: number): string | undefined {
  const [width, height] = [Math.floor(hr.width / scale), Math.floor(hr.height / scale)];
  if (lr.width === width && lr.height === height) return undefined;
  return `${files.lr}: ${lr.width}×${lr.height} pixels, but at ×${scale} ${files.hr} (${hr.width}×${hr.height}) needs ${width}×${height}; make LR anew with slimsr prepare`;
}

function pairOf(name: string, hr: DecodedImage, lr: DecodedImage, scale: number): Pair {
  const [width, height] = [lr.width * scale, lr.height * scale];
  return {
    name,
    hr: async () => {
      const image = await readDecoded(hr);
      return hr.width === width && hr.height === height ? image : crop(image, 0, 0, width, height);
    },
    lr: () => readDecoded(lr),
    decoded: { hr, lr },
  };
}
