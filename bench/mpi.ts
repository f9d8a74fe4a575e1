/**
 * Training over MPI's ranks on this machine: two ranks of one thread beside one process of two threads, in turn in one run, and the share of
 * a step that exchanging takes; then one, two and four ranks of one thread beside the model of docs/cluster.md.
 * Arguments: --rounds N (5), of the first; --steps N a round (10).
 */
import { availableParallelism } from "node:os";
import { scriptArguments } from "../test/support/arguments.js";
import { median } from "./in-turn.js";
import { launcherHere, measure, type Work } from "./mpi/launch.js";

const { values } = scriptArguments(import.meta.url, {
  options: { rounds: { type: "string", default: "5" }, steps: { type: "string", default: "10" } },
});
const launcher = launcherHere();
if (!launcher) {
  process.stderr.write("no MPI is installed: apt-get install openmpi-bin, or mpich\n");
  process.exit(1);
}
const work: Work = { steps: Number(values.steps), features: 64, blocks: 8, batch: 16, patch: 24, threads: 1 };
const shown = (milliseconds: number): string => `${milliseconds.toFixed(1)} ms`;

const ratios: number[] = [];
const shares: number[] = [];
for (let round = 0; round < Number(values.rounds); round++) {
  const one = await measure(launcher, 1, { ...work, threads: 2 });
  const two = await measure(launcher, 2, work);
  ratios.push(one.step / two.step);
  shares.push(two.exchange / two.step);
  console.log(
    `1 process of 2 threads: ${shown(one.step)} a step; 2 ranks of 1: ${shown(two.step)}, ${shown(two.exchange)} of it exchanging`,
  );
}
if (ratios.length > 0) {
  console.log(`throughput of 2 ranks of 1 thread beside 1 process of 2: ${median(ratios).toFixed(2)}`);
  console.log(`share of exchanging: ${(100 * median(shares)).toFixed(1)} %`);
}

// Exchanging alone, of the gradient of this network: what a step takes beyond its computing, from two ranks.
const cores = availableParallelism();
const pair = await measure(launcher, 2, { ...work, batch: 2, patch: 4, blocks: work.blocks });
for (const ranks of [1, 2, 4]) {
  const part = await measure(launcher, 1, { ...work, batch: work.batch / ranks });
  const predicted = part.step * Math.max(1, ranks / cores) + pair.exchange * 2 * (1 - 1 / ranks);
  const found = await measure(launcher, ranks, work);
  console.log(
    `${ranks} ${ranks === 1 ? "rank" : "ranks"} of 1 thread: ${shown(found.step)}; by the model ${shown(predicted)}`,
  );
}
