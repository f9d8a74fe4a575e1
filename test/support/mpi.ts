import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { type Finished, ROOT } from "./child.js";
import type { Requirement } from "./requirement.js";

/** MPI's launchers, with what lets them start more ranks than there are cores, as root. */
const LAUNCHERS = {
  "Open MPI": ["/usr/bin/mpirun.openmpi", "--allow-run-as-root", "--oversubscribe"],
  MPICH: ["/usr/bin/mpirun.mpich"],
} as const;

export type Mpi = keyof typeof LAUNCHERS;

const requirement = (what: Mpi, packages: string): Requirement => ({
  what,
  advice: `apt-get install ${packages}`,
  find: () => (existsSync(LAUNCHERS[what][0]) ? LAUNCHERS[what][0] : undefined),
});

export const MPIS: Readonly<Record<Mpi, Requirement>> = {
  "Open MPI": requirement("Open MPI", "openmpi-bin"),
  MPICH: requirement("MPICH", "mpich"),
};

/** Starts Node on several ranks from the repository's root. */
export function startRanks(
  mpi: Mpi,
  ranks: number,
  args: readonly string[],
): ChildProcess & { finished: Promise<Finished> } {
  const [program, ...flags] = LAUNCHERS[mpi];
  const child = spawn(program, [...flags, "-n", String(ranks), process.execPath, ...args], { cwd: ROOT });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (data) => {
    text.stdout += data;
  });
  child.stderr.on("data", (data) => {
    text.stderr += data;
  });
  const finished = new Promise<Finished>((resolve) => {
    child.once("close", (code) => resolve({ code: code ?? 143, ...text }));
  });
  return Object.assign(child, { finished });
}
