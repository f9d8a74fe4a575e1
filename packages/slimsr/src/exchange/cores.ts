import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Processors that a machine may have, by their numbers. */
const MOST = 4096;

/** The numbers of a list such as "0-3,8". */
export const processorsIn = (list: string): number[] =>
  list
    .trim()
    .split(",")
    .filter((part) => part !== "")
    .flatMap((part) => {
      const [first, last = first] = part.split("-").map(Number) as [number, number?];
      return Array.from({ length: last - first + 1 }, (_, i) => first + i);
    });

/** The processors that this process may run on, where the system tells (Linux); elsewhere as many from the first. */
function ownProcessors(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
    return processorsIn(list).filter((processor) => processor < MOST);
  } catch {
    return Array.from({ length: availableParallelism() }, (_, i) => i);
  }
}

/**
 * This process' share of its cores, those that others of the machine run on too divided among them.
 * @param addUp sums over the machine's processes
 * @param cores those that this process may run on
 */
export async function shareOfCores(addUp: (numbers: Float32Array) => Promise<void>, cores: number): Promise<number> {
  const own = ownProcessors();
  const users = new Float32Array(MOST);
  for (const processor of own) users[processor] = 1;
  await addUp(users);
  const share = own.reduce((sum, processor) => sum + 1 / (users[processor] as number), 0);
  return Math.max(1, Math.floor((cores * share) / own.length + 1e-3));
}
