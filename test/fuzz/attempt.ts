import { SlimsrError } from "../../packages/core/src/errors.js";
import type { Target } from "./formats.js";
import { mutated } from "./mutations.js";

/** What a mutated file may take, of the processor's time and of memory in bytes. */
export const SECONDS = 10;
export const MEMORY = 2 ** 30;

export type Outcome = "read" | "refused" | { readonly failure: string };

/**
 * Reads a mutated file: it is read or refused with an error of ours, in little time and memory, or that is a failure.
 * @param before bytes of memory that the process took at most before
 */
export async function attempt({ files, read }: Target, seed: number, index: number, before: number): Promise<Outcome> {
  const bytes = mutated(files, seed, index);
  const began = process.cpuUsage();
  let outcome: Outcome = "read";
  try {
    await read(bytes, index);
  } catch (error) {
    outcome = error instanceof SlimsrError ? "refused" : { failure: String((error as Error).stack ?? error) };
  }
  const { user, system } = process.cpuUsage(began);
  const seconds = (user + system) / 1e6;
  if (seconds > SECONDS) return { failure: `took ${seconds.toFixed(1)} s` };
  if (mostMemory() - before > MEMORY) return { failure: `took ${mostMemory() - before} bytes of memory` };
  return outcome;
}

/** Bytes that this process took at most so far. */
export const mostMemory = (): number => process.resourceUsage().maxRSS * 1024;
