import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Threads of a session, at most: more than any machine's cores only take memory. */
export const MOST_THREADS = 256;

const PROCESSORS = "/sys/devices/system/cpu";

/**
 * The machine's cores that this process may use, to be as many threads. On Linux they are counted here, for the engine takes two cores
 * of a virtual AMD processor for one; elsewhere 0 leaves it to the engine.
 */
export function coreCount(): number {
  try {
    const siblings = readdirSync(PROCESSORS)
      .filter((name) => /^cpu\d+$/.test(name))
      .map((name) => readFileSync(`${PROCESSORS}/${name}/topology/thread_siblings_list`, "utf8"));
    return Math.min(new Set(siblings).size, availableParallelism());
  } catch {
    return 0;
  }
}

let share: number | undefined;

/** Sets how many threads sessions have from here on where they aren't told: this process' share of the machine, beside others that work with it. */
export function shareCores(threads: number | undefined): void {
  share = threads;
}

/** A session's options with the threads of this process' share, where it has one and they don't say. */
export const withShare = <Options extends { threads?: number }>(options: Options): Options =>
  share === undefined ? options : { ...options, threads: options.threads ?? share };
