import { createRequire } from "node:module";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import type { ColourSpace } from "@slimsr/core/internal/images/colour.js";
import { Piscina } from "piscina";
import type { Dataset, Pair } from "./dataset.js";
import type { DecodedImage } from "./decoded-cache.js";
import type { PatchArrays, PatchWorkerData } from "./patch-worker.js";
import { requireSound, type Skipped } from "./problems.js";

export interface SamplerOptions {
  /** Pixels along a side of an LR patch; HR patches are `scale` times as large. */
  readonly side: number;
  /** Patches a batch. */
  readonly batch: number;
  /** The first sample that is read of each batch, where others read those before it; 0 where left out. */
  readonly first?: number;
  /** The index of the `n`th batch that is asked for, where not every one is; n where left out. */
  readonly indexOf?: (n: number) => number;
  /** Places that are drawn for each patch, of which the one of most detail is taken. Default 1. */
  readonly candidates?: number;
  /** Share of the patches, 0..1, that are drawn from smaller copies of the images, which the set must have. Default 0. */
  readonly scaleAugmentation?: number;
  readonly seed: number;
  /** What the network's images show; RGB where left out, of a grey set grey. */
  readonly space?: ColourSpace;
  /** Leaves out images that are smaller than a patch, and lists them in `PatchSampler.skipped`. */
  readonly skipBad?: boolean;
  /** What networks made of the LR images, where batches are to have that too: of each pair, and copy, that has room for a patch. */
  readonly outputs?: KeptOutputs | undefined;
  /** Batches read ahead of those asked for. Default 4. */
  readonly ahead?: number;
}

/** Kept outputs of a set's pairs. */
export type KeptOutputs = ReadonlyMap<Pair, DecodedImage>;

/** Random patches, NCHW, red first, or of luma or grey, in 0..255; noise goes beyond. */
export interface Batch {
  /** [batch, C, side, side] */
  readonly lr: Float32Array<ArrayBuffer>;
  /** [batch, C, side · scale, side · scale] */
  readonly hr: Float32Array<ArrayBuffer>;
  /** As `hr`, of the kept outputs where the sampler has them. */
  readonly output?: Float32Array<ArrayBuffer>;
}

const hasRoom = ({ decoded: { lr } }: Pair, side: number): boolean => Math.min(lr.width, lr.height) >= side;

/**
 * Which of a set's images have room for a patch.
 * @throws DatasetError naming images that haven't; with `skipBad` only if none is left
 */
export function patchable(
  { pairs, scale, path }: Dataset,
  side: number,
  skipBad: boolean,
): { large: Dataset["pairs"]; small: Skipped[] } {
  const large = pairs.filter((pair) => hasRoom(pair, side));
  const small = pairs
    .filter((pair) => !hasRoom(pair, side))
    .map(({ name, decoded: { lr } }) => ({
      file: name,
      reason: `${name}: its LR image of ${lr.width}×${lr.height} pixels is smaller than a patch of ${side}×${side} (HR ${side * scale}×${side * scale}); choose smaller patches`,
    }));
  requireSound(path, large.length, small, skipBad);
  return { large, small };
}

/**
 * Which of a set's smaller copies have room for a patch; none where no patch is drawn from copies.
 * @throws DatasetError where patches are and no copy has room
 */
export function patchableCopies(
  { copies, path, scale }: Dataset,
  side: number,
  scaleAugmentation: number,
): readonly Pair[] {
  if (scaleAugmentation === 0) return [];
  const large = copies.filter((copy) => hasRoom(copy, side));
  if (large.length > 0) return large;
  throw new DatasetError(
    `${path}: no smaller copy of an image has room for a patch of ${side}×${side} (HR ${side * scale}×${side * scale}); choose smaller patches (--patch), or leave --scale-augmentation out`,
  );
}

function outputOf(pair: Pair, outputs: KeptOutputs): DecodedImage {
  const output = outputs.get(pair);
  if (!output) throw new RangeError(`no output of ${pair.name} is kept`);
  return output;
}

const worker = createRequire(import.meta.url).resolve("#patch-worker");

/**
 * Random patches of a data set, turned by one of the square's eight symmetries, HR and LR alike. A batch is a function of
 * the set, the seed and its index alone. A worker thread reads ahead, so that training in order does not wait.
 */
export class PatchSampler {
  readonly skipped: readonly Skipped[];
  readonly #pool: Piscina<number, PatchArrays>;
  readonly #ahead: number;
  readonly #indexOf: (n: number) => number;
  readonly #waiting = new Map<number, Promise<PatchArrays>>();

  /**
   * @throws DatasetError naming images that are smaller than a patch; with `skipBad` only if none is left; or where all copies are
   */
  constructor(dataset: Dataset, options: SamplerOptions) {
    const { side, batch, first = 0, candidates = 1, scaleAugmentation = 0 } = options;
    const { seed, space = "rgb", skipBad = false, outputs } = options;
    for (const [name, value] of Object.entries({ side, batch, candidates })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new DatasetError(`the ${name} of training patches must be a whole number from 1, not ${value}`);
      }
    }
    const { scale, noise } = dataset;
    const { large, small } = patchable(dataset, side, skipBad);
    this.skipped = small;
    const copies = patchableCopies(dataset, side, scaleAugmentation);
    const pairs = [...large, ...copies].map((pair) => ({
      ...pair.decoded,
      ...(outputs && { output: outputOf(pair, outputs) }),
    }));
    const data: PatchWorkerData = {
      ...{ pairs, scale, side, batch, first, candidates, seed, space },
      copies: { count: copies.length, share: scaleAugmentation },
      ...(noise && { noise }),
    };
    this.#ahead = options.ahead ?? 4;
    this.#indexOf = options.indexOf ?? ((n) => n);
    this.#pool = new Piscina({ filename: worker, workerData: data, minThreads: 1, maxThreads: 1 });
  }

  /**
   * The batch that is asked for as number `index`, counted from 0, and starts reading those that follow. The arrays are the caller's own.
   * @throws DatasetError if a decoded image has gone from the cache
   */
  async batch(index: number): Promise<Batch> {
    for (const [waiting] of this.#waiting) {
      if (waiting < index || waiting > index + this.#ahead) this.#waiting.delete(waiting);
    }
    for (let next = index; next <= index + this.#ahead; next++) {
      if (this.#waiting.has(next)) continue;
      const reading = this.#pool.run(this.#indexOf(next));
      // A failure is told to whoever asks for this batch, and to nobody if none does.
      reading.catch(() => {});
      this.#waiting.set(next, reading);
    }
    const reading = this.#waiting.get(index) as Promise<PatchArrays>;
    this.#waiting.delete(index);
    try {
      return await reading;
    } catch (error) {
      throw new DatasetError(error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** Ends the worker thread, once it has read what it was asked to. */
  async close(): Promise<void> {
    this.#waiting.clear();
    await this.#pool.close();
  }
}
