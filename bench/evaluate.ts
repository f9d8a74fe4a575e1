/**
 * Evaluation of a network on sets of images, all of it (loading the engine, images, runs, metrics), against PyTorch's forward
 * passes of the same network over images of the same sizes (Debian's python3-torch), in turn in one run: medians. The floor is
 * what the network's operations take at the engine's rate of matrix products. Where fresh memory is slow, glibc's
 * MALLOC_MMAP_THRESHOLD_, MALLOC_TRIM_THRESHOLD_ and MALLOC_TOP_PAD_ show how much of either's time goes there.
 * Arguments: --model FILE (a checkpoint; by default EDSR 8×64 ×2 with random weights), --data FOLDER (may be repeated; by
 * default three small photographs), --runs N (7), --json.
 */
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { elements } from "../packages/core/src/graph/index.js";
import { HD_OUTPUT } from "../packages/core/src/model/cost.js";
import { DIV2K_MEAN, type NetworkOptions, parameterShapes } from "../packages/core/src/networks/index.js";
import { openDataset } from "../packages/slimsr/src/datasets/dataset.js";
import { checkpointContenders } from "../packages/slimsr/src/evaluation/checkpoint-contenders.js";
import { evaluate } from "../packages/slimsr/src/evaluation/evaluate.js";
import { loadCheckpoint } from "../packages/slimsr/src/files/checkpoints.js";
import { scriptArguments } from "../test/support/arguments.js";
import { median, rested } from "./in-turn.js";
import { gemmRate } from "./step/gemm.js";
import { Peer } from "./step/peers.js";

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

const { values } = scriptArguments(import.meta.url, {
  options: {
    model: { type: "string" },
    data: { type: "string", multiple: true, default: [beside("../test/fixtures/images")] },
    runs: { type: "string", default: "7" },
    json: { type: "boolean", default: false },
  },
});
const runs = Math.max(7, Number(values.runs));

function randomNetwork() {
  const network: NetworkOptions = {
    ...{ architecture: "edsr", scale: 2, features: 64, blocks: 8, resScale: 1, mean: DIV2K_MEAN, range: 255 },
  };
  const parameters = [...parameterShapes(network)].map(([name, shape]) => {
    const data = Float32Array.from({ length: elements(shape) }, () => (Math.random() - 0.5) * 0.05);
    return [name, { dtype: "float32" as const, shape, data }] as const;
  });
  return { network, parameters: new Map(parameters) };
}

const checkpoint = values.model === undefined ? randomNetwork() : await loadCheckpoint(values.model);
const { network } = checkpoint;
const models = checkpointContenders(values.model ?? "EDSR 8×64 ×2", checkpoint, { widths: [1] });
const sets = await Promise.all(values.data.map((path) => openDataset(path, { scale: network.scale })));
const sizes = sets.flatMap(({ pairs }) => pairs.map(({ decoded: { lr } }) => [lr.height, lr.width]));

async function ours(): Promise<{ whole: number; engine: number }> {
  const start = performance.now();
  const rows = await evaluate(models, sets, { bicubic: false });
  const whole = performance.now() - start;
  const engine = rows.flatMap(({ images }) => images.map(({ milliseconds }) => milliseconds ?? 0));
  return { whole, engine: engine.reduce((a, b) => a + b) };
}

const torch = new Peer("/usr/bin/python3", [beside("evaluate/peer.py"), JSON.stringify({ network, sizes })]);
await torch.ready();
await ours();
await torch.step();
const times: { whole: number; engine: number; torch: number }[] = [];
for (let run = 0; run < runs; run++) {
  times.push({ ...(await rested(ours)), torch: await rested(() => torch.step()) });
}
await torch.finish();

const pixels = sizes.reduce((sum, [height = 0, width = 0]) => sum + height * width, 0);
const macsPerPixel = ((models[0]?.cost?.macs ?? 0) * network.scale ** 2) / (HD_OUTPUT.width * HD_OUTPUT.height);
const result = {
  model: models[0]?.name,
  images: sizes.length,
  runs,
  whole: median(times.map(({ whole }) => whole)),
  engine: median(times.map(({ engine }) => engine)),
  flops: 2 * pixels * macsPerPixel,
  gemm: await gemmRate(),
  torch: median(times.map((time) => time.torch)),
  /** Of the fastest run of each: what else the machine does counts least there. */
  fastestRatio: Math.min(...times.map(({ whole }) => whole)) / Math.min(...times.map((time) => time.torch)),
  ratio: median(times.map((time) => time.whole / time.torch)),
  engineRatio: median(times.map((time) => time.engine / time.torch)),
};
if (values.json) {
  console.log(JSON.stringify(result, null, 2));
} else {
  const { whole, engine, ratio, fastestRatio, engineRatio, flops, gemm } = result;
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores; ${result.model}, ${sizes.length} images, ${runs} runs in turn`,
  );
  console.log(
    `evaluation   ${whole.toFixed(0)} ms, ${ratio.toFixed(2)} of PyTorch's forward passes (target 0.80); the fastest runs ${fastestRatio.toFixed(2)}`,
  );
  console.log(`engine alone ${engine.toFixed(0)} ms, ${engineRatio.toFixed(2)}`);
  console.log(`PyTorch      ${result.torch.toFixed(0)} ms`);
  console.log(
    `the network's operations at the rate of matrix products (${(gemm / 1e9).toFixed(0)} GFLOP/s): ${((flops / gemm) * 1e3).toFixed(0)} ms`,
  );
}
