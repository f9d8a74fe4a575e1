import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { Piscina } from "piscina";
import { InterruptedError } from "../errors.js";
import type { DecodedImage } from "./decoded-cache.js";
import type { CacheJob, WriteJob, WrittenPair } from "./image-worker.js";

/** What the worker threads do, by the name of the exported function of image-worker.ts. */
interface Jobs {
  cacheImage: { job: CacheJob; result: DecodedImage[] };
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

const worker = createRequire(import.meta.url).resolve("#image-worker");

/**
 * Does a job for each of many images in worker threads, as many at once as there are cores.
 * @returns an outcome per job, in their order; undefined for those not started after a problem
 * @throws InterruptedError if the signal was aborted before all were done
 */
export async function forEachImage<Name extends keyof Jobs>(
  name: Name,
  jobs: readonly Jobs[Name]["job"][],
  { onProgress, signal, stopAtProblem = false }: PoolOptions = {},
): Promise<(Outcome<Jobs[Name]["result"]> | undefined)[]> {
  // To start a thread takes about as long as a few small images.
  const threads = Math.min(availableParallelism(), Math.ceil(jobs.length / 4));
  const outcomes = new Array<Outcome<Jobs[Name]["result"]> | undefined>(jobs.length);
  if (threads === 0) return outcomes;
  const pool = new Piscina({ filename: worker, minThreads: threads, maxThreads: threads });
  let next = 0;
  let done = 0;
  let stopped = false;
  const work = async () => {
    while (next < jobs.length && !stopped && !signal?.aborted) {
      const index = next++;
      const outcome: Outcome<Jobs[Name]["result"]> = await pool.run(jobs[index], { name });
      outcomes[index] = outcome;
      stopped ||= stopAtProblem && outcome.problem !== undefined;
      onProgress?.(++done, jobs.length);
    }
  };
  const ends = await Promise.allSettled(
    Array.from({ length: threads }, () =>
      work().catch((error: unknown) => {
        stopped = true;
        throw error;
      }),
    ),
  );
  await pool.destroy();
  const failure = ends.find((end) => end.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  if (signal?.aborted && done < jobs.length) {
    throw new InterruptedError(`interrupted after ${done} of ${jobs.length} images; no file is left half written`);
  }
  return outcomes;
}
