import { createRequire } from "node:module";
import { DatasetError } from "@slimsr/core/internal/errors.js";
import { Piscina } from "piscina";
import type { Dataset, Pair } from "./dataset.js";
import type { PatchArrays, PatchWorkerData } from "./patch-worker.js";
import { requireSound, type Skipped } from "./problems.js";

export interface SamplerOptions {
  /** Pixels along a side of an LR patch; HR patches are `scale` times as large. */
  readonly side: number;
  /** Patches a batch. */
  readonly batch: number;
  readonly seed: number;
  /** Leaves out images that are smaller than a patch, and lists them in `PatchSampler.skipped`. */
  readonly skipBad?: boolean;
  /** Batches read ahead of those asked for. Default 4. */
  readonly ahead?: number;
}

/** Random patches, NCHW, red first, 0..255. */
export interface Batch {
  /** [batch, 3, side, side] */
  readonly lr: Float32Array<ArrayBuffer>;
  /** [batch, 3, side · scale, side · scale] */
  readonly hr: Float32Array<ArrayBuffer>;
}

const worker = createRequire(import.meta.url).resolve("#patch-worker");

/**
 * Random patches of a data set, turned by one of the square's eight symmetries, HR and LR alike. Batch n is a function of
 * the set, the seed and n alone. A worker thread reads ahead, so that training in order does not wait.
 */
export class PatchSampler {
  readonly skipped: readonly Skipped[];
  readonly #pool: Piscina<number, PatchArrays>;
  readonly #ahead: number;
  readonly #waiting = new Map<number, Promise<PatchArrays>>();

  /**
   * @throws DatasetError naming images that are smaller than a patch; with `skipBad` only if none is left
   */
  constructor(dataset: Dataset, { side, batch, seed, skipBad = false, ahead = 4 }: SamplerOptions) {
    for (const [name, value] of Object.entries({ side, batch })) {
      if (!Number.isInteger(value) || value < 1) {
        throw new DatasetError(`the ${name} of training patches must be a whole number from 1, not ${value}`);
      }
    }
    const { scale, path } = dataset;
    const isLarge = ({ decoded: { lr } }: Pair) => Math.min(lr.width, lr.height) >= side;
    const large = dataset.pairs.filter(isLarge);
    this.skipped = dataset.pairs
      .filter((pair) => !isLarge(pair))
      .map(({ name, decoded: { lr } }) => ({
        file: name,
        reason: `${name}: its LR image of ${lr.width}×${lr.height} pixels is smaller than a patch of ${side}×${side} (HR ${side * scale}×${side * scale}); choose smaller patches`,
      }));
    requireSound(path, large.length, this.skipped, skipBad);
    const data: PatchWorkerData = { pairs: large.map(({ decoded }) => decoded), scale, side, batch, seed };
    this.#ahead = ahead;
    this.#pool = new Piscina({ filename: worker, workerData: data, minThreads: 1, maxThreads: 1 });
  }

  /**
   * Batch `index`, counted from 0, and starts reading those that follow. The arrays are the caller's own.
   * @throws DatasetError if a decoded image has gone from the cache
   */
  async batch(index: number): Promise<Batch> {
    for (const [waiting] of this.#waiting) {
      if (waiting < index || waiting > index + this.#ahead) this.#waiting.delete(waiting);
    }
    for (let next = index; next <= index + this.#ahead; next++) {
      if (this.#waiting.has(next)) continue;
      const reading = this.#pool.run(next);
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
