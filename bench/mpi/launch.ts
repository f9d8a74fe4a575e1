import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** What the ranks of a measurement do. */
export interface Work {
  readonly steps: number;
  readonly features: number;
  readonly blocks: number;
  /** Of all ranks. */
  readonly batch: number;
  /** LR pixels along a side. */
  readonly patch: number;
  /** Of each rank. */
  readonly threads: number;
}

/** Medians of the first rank: milliseconds of a step, of these its waiting and exchanging; bytes of the gradient. */
export interface Measured {
  readonly step: number;
  readonly exchange: number;
  readonly bytes: number;
}

export const STEPS = fileURLToPath(new URL("steps.ts", import.meta.url));

export const OPEN_MPI = ["mpirun.openmpi", "--allow-run-as-root", "--oversubscribe", "--bind-to", "none"];

/** The launcher that is here, Open MPI's first, with its options; undefined where there is none. */
export const launcherHere = (): readonly string[] | undefined => {
  if (existsSync("/usr/bin/mpirun.openmpi")) return OPEN_MPI;
  return existsSync("/usr/bin/mpirun.mpich") ? ["mpirun.mpich"] : undefined;
};

/** Starts ranks, or one process by itself, and yields what they measured. */
export async function measure(launcher: readonly string[], ranks: number, work: Work): Promise<Measured> {
  const node = [process.execPath, "--import", "tsx", STEPS, JSON.stringify(work)];
  const [program, ...args] = ranks === 1 ? node : [...launcher, "-n", String(ranks), ...node];
  const { stdout } = await promisify(execFile)(program as string, args, { maxBuffer: 2 ** 24 });
  return JSON.parse(stdout.trim().split("\n").at(-1) as string) as Measured;
}
