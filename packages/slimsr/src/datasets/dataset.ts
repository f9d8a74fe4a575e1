import { basename, relative } from "node:path";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import type { FloatPlanes } from "@slimsr/core/internal/images/bicubic.js";
import { crop, type Image } from "@slimsr/core/internal/images/image.js";
import { floatPlanes, imageFromPlanes } from "@slimsr/core/internal/images/planes.js";
import { type Degradation, type Span, type Step, showSteps } from "../degradations/degradation.js";
import { withNoise } from "../degradations/degrade.js";
import { defaultMaxPixels } from "../images/decode.js";
import { defaultCacheDirectory, limitCache } from "./cache-folder.js";
import { cacheFile, type DecodedImage, findDecoded, readDecoded } from "./decoded-cache.js";
import { forEachImage, type PoolOptions } from "./image-pool.js";
import type { PairFiles } from "./layouts.js";
import { namedFolder } from "./names.js";
import { requireSound, type Skipped } from "./problems.js";
import { COPY_SPANS, showCopy } from "./smaller-copies.js";
import { listSources, type SourceOptions } from "./sources.js";

export interface DatasetOptions extends SourceOptions, Pick<PoolOptions, "onProgress" | "signal"> {
  /** Whether images are made grey first, as networks of grey images take them. */
  readonly grey?: boolean | undefined;
  /** Whether smaller copies of the images are made too, as `Dataset.copies`; inputs must be made of the images then. */
  readonly smallerCopies?: boolean | undefined;
  /** Goes on without images that cannot be used, and lists them in `Dataset.skipped`. */
  readonly skipBad?: boolean | undefined;
  /** Where decoded images are kept. Default `defaultCacheDirectory()`. */
  readonly cacheDirectory?: string | undefined;
  /** Pixels that an image may have. Default `defaultMaxPixels`. */
  readonly maxPixels?: number | undefined;
}

/** The truth, HR, and the network's input, LR, 8 bits a sample, grey or RGB. HR is exactly `scale` times as large as LR. */
export interface Pair {
  /** Path below the set's folder without ending: "baby". */
  readonly name: string;
  hr(): Promise<Image>;
  /** The input as a file of it would be. */
  lr(): Promise<Image>;
  /** What the network is given, in 0..255: planes of grey for a grey set, of red, green and blue else. Noise goes beyond. */
  input(): Promise<FloatPlanes>;
  /** Where the two lie decoded. HR may be larger here at the right and bottom than a multiple of the scale. */
  readonly decoded: { readonly hr: DecodedImage; readonly lr: DecodedImage };
}

export interface Dataset {
  /** The folder's name, for Set5/HR too: "Set5". */
  readonly name: string;
  readonly path: string;
  readonly scale: number;
  /** Whether its images are grey for the networks of grey images that it is opened for. */
  readonly grey: boolean;
  /** How inputs are made of the truth: "bicubic", "noise:25"; "as found" where they lie beside it. */
  readonly degradation: string;
  /** The noise that is added to inputs when they are read. */
  readonly noise?: Span;
  /** At least one, sorted by name. */
  readonly pairs: readonly Pair[];
  /** Smaller copies of the images, each a truth whose input is made as theirs are; none where they weren't asked for. */
  readonly copies: readonly Pair[];
  readonly skipped: readonly Skipped[];
  /** What was made of the folder, where that is worth saying. */
  readonly note?: string;
}

/**
 * Opens a folder of images in one of the layouts of `listPairs`: the benchmarks', DIV2K's and others', or a plain folder of HR
 * images whose LR is made, by MATLAB's bicubic unless the options say how. All images are decoded once, in parallel, into the cache on disk; later
 * they are read from there, whole or in pieces, so that memory does not grow with the set.
 * @throws DatasetError at once, naming files: a wrong path, an empty folder, HR without LR, sizes that do not fit, damaged
 * images; with `skipBad` only if no pair is left
 * @throws UsageError for a degradation that doesn't fit the scale, or for smaller copies of images that have inputs
 * @throws InterruptedError if the signal was aborted; what was decoded is kept
 */
export async function openDataset(path: string, options: DatasetOptions): Promise<Dataset> {
  const { scale, grey = false, skipBad = false } = options;
  if (!Number.isInteger(scale) || scale < 1) {
    throw new DatasetError(`${path}: the scale must be a whole number from 1, not ${scale}`);
  }
  const listed = await listSources(path, options);
  const { degradation } = listed;
  const candidates: Candidate[] = listed.pairs.map((files) => ({
    ...{ files, problem: files.problem },
    copies: options.smallerCopies ? COPY_SPANS.map(() => ({})) : [],
  }));
  const unpaired = skippedOf(path, candidates);
  requireSound(path, candidates.length - unpaired.length, unpaired, skipBad);
  await decodeAll(candidates, degradation, options);
  const pairs: Pair[] = [];
  const copies: Pair[] = [];
  for (const candidate of candidates) {
    const { files, hr, lr, problem } = candidate;
    if (problem !== undefined || hr === undefined || lr === undefined) continue;
    candidate.problem = sizeMismatch(files, hr, lr, scale);
    if (candidate.problem !== undefined) continue;
    const paired = (name: string, truth: DecodedImage, input: DecodedImage) =>
      pairOf(name, truth, input, scale, grey, degradation.noise);
    pairs.push(paired(files.name, hr, lr));
    for (const copy of candidate.copies) {
      if (!copy.hr || !copy.lr) continue;
      copies.push(paired(`${files.name}, reduced to ${copy.hr.width}×${copy.hr.height}`, copy.hr, copy.lr));
    }
  }
  const skipped = skippedOf(path, candidates);
  requireSound(path, pairs.length, skipped, skipBad);
  const { note } = listed;
  const made = candidates.some(({ files }) => files.lr === undefined);
  return {
    ...{ name: basename(namedFolder(path)), path, scale, grey },
    degradation: made ? degradation.text : "as found",
    ...(degradation.noise && { noise: degradation.noise }),
    ...{ pairs, copies, skipped },
    ...(note !== undefined && { note }),
  };
}

function skippedOf(path: string, candidates: readonly Candidate[]): Skipped[] {
  return candidates.flatMap(({ files, problem }) =>
    problem === undefined ? [] : [{ file: relative(path, files.hr), reason: problem }],
  );
}

/** A truth and its input, as far as they are decoded. */
interface Decoded {
  hr?: DecodedImage;
  lr?: DecodedImage;
}

/** A pair on its way: its decoded images, or its problem. */
interface Candidate extends Decoded {
  readonly files: PairFiles;
  /** One for each smaller copy; without an input where it is too small for one. */
  readonly copies: readonly Decoded[];
  problem?: string | undefined;
}

/** An image that a candidate needs: what is made of a source, and where the cache is to have it. */
interface Wanted {
  readonly candidate: Candidate;
  /** The candidate itself, or one of its copies. */
  readonly into: Decoded;
  readonly role: "hr" | "lr";
  readonly source: string;
  /** Which smaller copy takes the source's place; undefined for the source itself. */
  readonly copy: number | undefined;
  /** What is done to the source, and by how much bicubic reduces it; none for the source itself. */
  readonly steps: readonly Step[];
  readonly scale: number;
  readonly file: string;
}

/** Images that are looked for in the cache at once. */
const AT_ONCE = 64;

async function decodeAll(
  candidates: readonly Candidate[],
  degradation: Degradation,
  options: DatasetOptions,
): Promise<void> {
  const missing = new Map<string, Wanted[]>();
  for (let at = 0; at < candidates.length; at += AT_ONCE) {
    const found = await Promise.all(
      candidates.slice(at, at + AT_ONCE).map(async (candidate) => {
        const wanted = await wantedImages(candidate, degradation, options);
        return Promise.all(wanted.map(async (each) => ({ ...each, decoded: await findDecoded(each.file) })));
      }),
    );
    for (const { decoded, ...wanted } of found.flat()) {
      if (decoded === undefined) missing.set(wanted.source, [...(missing.get(wanted.source) ?? []), wanted]);
      else wanted.into[wanted.role] = decoded;
    }
  }
  if (missing.size === 0) return;
  const { grey = false, onProgress, signal, skipBad = false, maxPixels = defaultMaxPixels } = options;
  const groups = [...missing.values()];
  // Several inputs may have one truth, and one file be both.
  const filesOf = (group: readonly Wanted[]) => [...new Map(group.map((wanted) => [wanted.file, wanted])).values()];
  const jobs = [...missing].map(([source, targets]) => ({
    source,
    targets: filesOf(targets).map(({ copy, steps, scale, file }) => ({ copy, steps, scale, file })),
    ...{ grey, maxPixels },
  }));
  const outcomes = await forEachImage("cacheImage", jobs, { onProgress, signal, stopAtProblem: !skipBad });
  for (const [i, group] of groups.entries()) {
    const { result, problem } = outcomes[i] ?? {};
    const made = new Map(filesOf(group).map(({ file }, k) => [file, result?.[k]]));
    for (const { candidate, into, role, file } of group) {
      candidate.problem ??= problem;
      const decoded = made.get(file);
      if (decoded) into[role] = decoded;
    }
  }
  await limitCache(options.cacheDirectory ?? defaultCacheDirectory());
}

async function wantedImages(
  candidate: Candidate,
  degradation: Degradation,
  options: DatasetOptions,
): Promise<Wanted[]> {
  if (candidate.problem !== undefined) return [];
  const { scale, grey = false, cacheDirectory = defaultCacheDirectory() } = options;
  const { hr, lr } = candidate.files;
  const stored = lr === undefined ? degradation.stored : [];
  const sources = [candidate, ...candidate.copies].flatMap((into, i) => {
    const each = { candidate, into, copy: i === 0 ? undefined : i - 1 };
    return [
      { ...each, role: "hr" as const, source: hr, steps: [], scale: 1 },
      { ...each, role: "lr" as const, source: lr ?? hr, steps: stored, scale },
    ];
  });
  try {
    return await Promise.all(
      sources.map(async (wanted) => {
        const made = wanted.steps.length === 0 ? "decoded" : `${showSteps(wanted.steps)} x${scale}`;
        const truth = wanted.copy === undefined ? "" : `${showCopy(wanted.copy)} `;
        const how = `${grey ? "grey " : ""}${truth}${made}`;
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
  const advice = scale === 1 ? "the two must be of one size" : "make LR anew with slimsr prepare";
  return `${files.lr}: ${lr.width}×${lr.height} pixels, but at ×${scale} ${files.hr} (${hr.width}×${hr.height}) needs ${width}×${height}; ${advice}`;
}

/** Of the noise of images that are evaluated: whoever runs it gets the same. */
const SEED = 0;

function pairOf(
  name: string,
  hr: DecodedImage,
  lr: DecodedImage,
  scale: number,
  grey: boolean,
  noise: Span | undefined,
): Pair {
  const [width, height] = [lr.width * scale, lr.height * scale];
  const input = async () => {
    const planes = floatPlanes(await readDecoded(lr), grey ? 1 : 3);
    return noise ? withNoise(planes, noise, SEED) : planes;
  };
  return {
    name,
    hr: async () => {
      const image = await readDecoded(hr);
      return hr.width === width && hr.height === height ? image : crop(image, 0, 0, width, height);
    },
    lr: async () => {
      if (noise === undefined) return readDecoded(lr);
      const { data, width, height } = await input();
      return imageFromPlanes(data, width, height);
    },
    input,
    decoded: { hr, lr },
  };
}
