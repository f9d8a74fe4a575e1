import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { InterruptedError } from "@slimsr/core/internal/errors.js";
import { Piscina } from "piscina";
import { readHeader } from "../images/decode.js";
import type { DecodedImage } from "./decoded-cache.js";
import { type CacheJob, cacheImage, type WriteJob, type WrittenPair, writeImagePair } from "./image-worker.js";
import { MemoryBudget } from "./memory-budget.js";

/** What is done, by the name of the exported function of image-worker.ts. */
interface Jobs {
  cacheImage: { job: CacheJob; result: (DecodedImage | undefined)[] };
  writeImagePair: { job: WriteJob; result: WrittenPair };
}

/** A result, or what is wrong with the image at hand. */
export type Outcome<Result> =
  | { readonly result: Result; readonly problem?: never }
  | { readonly problem: string; readonly result?: never };

export interface PoolOptions {
  /** Called after each image. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  /** Stops between two images: those under way are finished, so that nothing is left half done. */
  readonly signal?: AbortSignal | undefined;
  /** Starts no further image once one has a problem. */
  readonly stopAtProblem?: boolean;
}

const here = { cacheImage, writeImagePair };
const worker = createRequire(import.meta.url).resolve("#image-worker");
/** So many images are done here: to start a thread takes longer. */
const few = 4;
/** Bytes that images at work take together, and how many times its samples' bytes one takes at most: decoded, turned, reduced, written. */
const MEMORY = 2 ** 30;
const COPIES = 6;

/**
 * Does a job for each of many images in worker threads, as many at once as there are cores and as a GiB of memory has room for.
 * @returns an outcome per job, in their order; undefined for those not started after a problem
 * @throws InterruptedError if the signal was aborted before all were done
 */
export async function forEachImage<Name extends keyof Jobs>(
  name: Name,
  jobs: readonly Jobs[Name]["job"][],
  options: PoolOptions = {},
): Promise<(Outcome<Jobs[Name]["result"]> | undefined)[]> {
  type Run = (job: Jobs[Name]["job"]) => Promise<Outcome<Jobs[Name]["result"]>>;
  if (jobs.length <= few) return runAll<Jobs[Name]>(jobs, here[name] as Run, 1, options);
  const threads = availableParallelism();
  const pool = new Piscina({ filename: worker, minThreads: threads, maxThreads: threads });
  try {
    return await runAll<Jobs[Name]>(jobs, (job) => pool.run(job, { name }), threads, options);
  } finally {
    await pool.destroy();
  }
}

/** Runs jobs in order, `atOnce` at a time; those under way are waited for whatever happens. */
async function runAll<Kind extends { job: { source: string }; result: unknown }>(
  jobs: readonly Kind["job"][],
  run: (job: Kind["job"]) => Promise<Outcome<Kind["result"]>>,
  atOnce: number,
  { onProgress, signal, stopAtProblem = false }: PoolOptions,
): Promise<(Outcome<Kind["result"]> | undefined)[]> {
  const outcomes = new Array<Outcome<Kind["result"]> | undefined>(jobs.length);
  let next = 0;
  let done = 0;
  let stopped = false;
  const budget = new MemoryBudget(MEMORY);
  const work = async () => {
    while (next < jobs.length && !stopped && !signal?.aborted) {
      const index = next++;
      const job = jobs[index] as Kind["job"];
      const header = await readHeader(job.source);
      const outcome = await budget.run(COPIES * (header?.bytes ?? 0), () => run(job));
      outcomes[index] = outcome;
      stopped ||= stopAtProblem && outcome.problem !== undefined;
      onProgress?.(++done, jobs.length);
    }
  };
  const ends = await Promise.allSettled(
    Array.from({ length: atOnce }, () =>
      work().catch((error: unknown) => {
        stopped = true;
        throw error;
      }),
    ),
  );
  const failure = ends.find((end) => end.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  if (signal?.aborted && done < jobs.length) {
    throw new InterruptedError(`interrupted after ${done} of ${jobs.length} images; no file is left half written`);
  }
  return outcomes;
}
