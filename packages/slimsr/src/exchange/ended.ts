import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

/** Where Linux tells of a process, in fields behind its name in parentheses. */
const [STATE, THREADS] = [0, 17];

/** Waits until processes of this machine have ended, but no longer than some seconds; doesn't wait where the system shows none (all but Linux). */
export async function ended(processes: readonly number[], patience: number): Promise<void> {
  const begun = performance.now();
  while (processes.some(runs) && performance.now() - begun < patience * 1000) await setTimeout(10);
}

/** Whether a process does anything yet. One that ended, and that its parent hasn't asked for, is a zombie, and has no thread but its first, which may be one before. */
function runs(process: number): boolean {
  try {
    const status = readFileSync(`/proc/${process}/stat`, "utf8");
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    return fields[STATE] !== "Z" || Number(fields[THREADS]) > 1;
  } catch {
    return false;
  }
}
