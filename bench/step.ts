/**
 * Whole training steps, ours and PyTorch's (Debian's python3-torch), in turn in one run: medians, their ratio, GFLOP/s, the share
 * of the machine's GEMM rate and peak memory of both processes.
 * Arguments: names of configurations (all where none is named), --runs N (7), --json.
 */
import { cpus } from "node:os";
import { graphFlops } from "../packages/slimsr/src/training/flops.js";
import { scriptArguments } from "../test/support/arguments.js";
import { median, rested } from "./in-turn.js";
import { STEP_CONFIGURATIONS, type StepConfiguration } from "./step/configurations.js";
import { gemmRate } from "./step/gemm.js";
import { stepOf } from "./step/graph.js";
import { ourPeer, type Peer, torchPeer } from "./step/peers.js";

const { values, positionals } = scriptArguments(import.meta.url, {
  options: { runs: { type: "string", default: "7" }, json: { type: "boolean", default: false } },
  allowPositionals: true,
});
const runs = Math.max(7, Number(values.runs));
const names = positionals.length > 0 ? positionals : Object.keys(STEP_CONFIGURATIONS);

/** A step as in training, where it follows another: one that isn't counted comes first. */
async function settled(peer: Peer): Promise<number> {
  await rested(() => peer.step());
  return peer.step();
}

async function measure(name: string, configuration: StepConfiguration) {
  const [ours, theirs] = [ourPeer(name), torchPeer(configuration)];
  await Promise.all([ours.ready(), theirs.ready()]);
  // One step each that is not counted: caches, clock rates.
  await ours.step();
  await theirs.step();
  const times: { ours: number; theirs: number }[] = [];
  for (let run = 0; run < runs; run++) {
    times.push({ ours: await settled(ours), theirs: await settled(theirs) });
  }
  const memory = { ours: await ours.finish(), theirs: await theirs.finish() };
  return {
    ours: median(times.map((time) => time.ours)),
    theirs: median(times.map((time) => time.theirs)),
    ratio: median(times.map((time) => time.ours / time.theirs)),
    memory,
  };
}

const gemm = await gemmRate();
const megabytes = (bytes: number) => Math.round(bytes / 2 ** 20);
if (!values.json) {
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores, ${new Date().toISOString().slice(0, 10)}`);
  console.log(`GEMM ${(gemm / 1e9).toFixed(0)} GFLOP/s (512 × 2304 × 2304); medians of ${runs} steps in turn\n`);
  console.log("ours ms  torch ms  ratio  target  GFLOP  GFLOP/s  of GEMM  ours MB  torch MB  ratio");
}
const results = [];
for (const name of names) {
  const configuration = STEP_CONFIGURATIONS[name];
  if (!configuration) throw new Error(`${name} is none of ${Object.keys(STEP_CONFIGURATIONS).join(", ")}`);
  const { ours, theirs, ratio, memory } = await measure(name, configuration);
  const flops = graphFlops(stepOf(configuration));
  const rate = flops / (ours / 1e3);
  results.push({ name, ...configuration, ours, theirs, ratio, flops, rate, shareOfGemm: rate / gemm, memory });
  if (values.json) continue;
  const columns = [
    ours.toFixed(0).padStart(7),
    theirs.toFixed(0).padStart(8),
    ratio.toFixed(2).padStart(5),
    configuration.target.toFixed(1).padStart(6),
    (flops / 1e9).toFixed(1).padStart(5),
    (rate / 1e9).toFixed(0).padStart(7),
    `${((100 * rate) / gemm).toFixed(0)} %`.padStart(7),
    String(megabytes(memory.ours)).padStart(7),
    String(megabytes(memory.theirs)).padStart(8),
    (memory.ours / memory.theirs).toFixed(2).padStart(5),
  ];
  console.log(`${columns.join("  ")}  ${configuration.title}`);
}
if (values.json) console.log(JSON.stringify({ gemm, results }, null, 2));
