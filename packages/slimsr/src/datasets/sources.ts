import { UsageError } from "@slimsr/core/internal/errors.js";
import { BICUBIC, type Degradation, degradationFor } from "../degradations/degradation.js";
import { listPairs, listTruths, type PairFiles } from "./layouts.js";
import { listPaired } from "./paired.js";
import type { Range } from "./range.js";

/** Where a set's images and their inputs come from. */
export interface SourceOptions {
  /** How many times larger HR is than LR: 1 for restoration, 2, 3, 4 … */
  readonly scale: number;
  /** Only these images: by the numbers in the names in DIV2K's layout, by the sorted order elsewhere. */
  readonly range?: Range | undefined;
  /**
   * How inputs are made of the truth, whatever the set has beside it: "noise:25", "blur:1.6+bicubic" (see `parseDegradation`). Where
   * left out, inputs are those that the set has, or bicubic reductions.
   */
  readonly degrade?: string | undefined;
  /** Folder of the inputs of the images in the set's folder, by their names (see `listPaired`). */
  readonly input?: string | undefined;
  /** Whether smaller copies of the images are to be made, which have no inputs but those that are made. */
  readonly smallerCopies?: boolean | undefined;
}

/** A set's pairs, and how the inputs are made of those that have none. */
export interface Sources {
  readonly pairs: readonly PairFiles[];
  readonly degradation: Degradation;
  readonly note?: string;
}

/** Inputs that are there are taken as they are. */
const AS_FOUND: Degradation = { text: "as found", stored: [], noise: undefined };

/**
 * The pairs of a set of images, inputs from where the options say.
 * @throws DatasetError as `listPairs`, `listPaired`; UsageError where nothing says what a restoration network's inputs are, both
 * folders and a degradation do, or smaller copies are wanted of images that have inputs
 */
export async function listSources(path: string, options: SourceOptions): Promise<Sources> {
  const sources = await sourcesOf(path, options);
  const found = sources.pairs.find(({ lr }) => lr !== undefined)?.lr;
  if (!options.smallerCopies || found === undefined) return sources;
  const example = options.scale > 1 ? "bicubic" : "noise:25";
  throw new UsageError(
    `${path}: smaller copies of its images have no inputs, as the images have (${found}): have all inputs made of the images (--degrade ${example}), or leave --scale-augmentation out`,
  );
}

async function sourcesOf(path: string, { scale, range, degrade, input }: SourceOptions): Promise<Sources> {
  if (input !== undefined) {
    if (degrade !== undefined) {
      throw new UsageError(`${input} holds the inputs; leave ${degrade} out, or make them of ${path} alone`);
    }
    return { ...(await listPaired(path, input, range)), degradation: AS_FOUND };
  }
  if (degrade !== undefined) {
    const degradation = degradationFor(scale, degrade, path);
    return { ...(await listTruths(path, range)), degradation };
  }
  const listed = await listPairs(path, scale, range);
  if (scale > 1) return { ...listed, degradation: BICUBIC };
  const isMade = listed.pairs.every(({ lr, problem }) => lr === undefined && problem === undefined);
  return { ...listed, degradation: isMade ? degradationFor(scale, undefined, path) : AS_FOUND };
}
