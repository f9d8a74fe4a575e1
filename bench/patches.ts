/**
 * Reading training patches as the preset cpu does (×2, batches of 16, LR patches of 24×24, two candidates, kept outputs): processor
 * time of a batch, after the files have come into the system's memory.
 * Arguments: --train FOLDER (the photographs that come with slimsr), --batches N (400).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMBEDDED_IMAGES } from "../packages/slimsr/src/assets.js";
import { openDataset, type Pair } from "../packages/slimsr/src/datasets/dataset.js";
import type { DecodedImage } from "../packages/slimsr/src/datasets/decoded-cache.js";
import { outputFile, storeOutput } from "../packages/slimsr/src/datasets/kept-output.js";
import { PatchSampler } from "../packages/slimsr/src/datasets/patch-sampler.js";
import { scriptArguments } from "../test/support/arguments.js";

const { values } = scriptArguments(import.meta.url, {
  options: {
    train: { type: "string", default: EMBEDDED_IMAGES },
    batches: { type: "string", default: "400" },
  },
});
const batches = Number(values.batches);

const cacheDirectory = await mkdtemp(join(tmpdir(), "slimsr-bench-patches-"));
try {
  const dataset = await openDataset(values.train, { scale: 2, cacheDirectory, skipBad: true });
  const outputs = new Map<Pair, DecodedImage>();
  for (const pair of dataset.pairs) {
    // What an output shows makes no difference here.
    const { width, height, digest, channels } = pair.decoded.lr;
    const planes = { width: 2 * width, height: 2 * height, data: new Float32Array(4 * width * height * channels) };
    outputs.set(
      pair,
      await storeOutput(outputFile(cacheDirectory, "bench", { width, height, digest, channels }), planes),
    );
  }
  const sampler = new PatchSampler(dataset, { side: 24, batch: 16, candidates: 2, seed: 0, skipBad: true, outputs });
  for (let index = 0; index < batches; index++) await sampler.batch(index);
  const before = process.cpuUsage();
  for (let index = batches; index < 2 * batches; index++) await sampler.batch(index);
  const { user, system } = process.cpuUsage(before);
  await sampler.close();
  const ms = (microseconds: number) => (microseconds / 1e3 / batches).toFixed(2);
  console.log(`a batch: ${ms(user + system)} ms of a core, ${ms(system)} of them in the system`);
} finally {
  await rm(cacheDirectory, { recursive: true });
}
