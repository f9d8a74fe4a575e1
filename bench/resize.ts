/**
 * Throughput of MATLAB-compatible bicubic shrinking in megapixels of HR per second, of photographs of DIV2K's size: the reduction
 * alone on one thread and on one for each core, and `prepare` of a folder, which reads PNG and writes LR besides. Medians.
 * Arguments: --runs N (7), --json.
 */
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { resizeBicubic } from "../packages/core/src/images/bicubic.js";
import { crop, type Image } from "../packages/core/src/images/image.js";
import { prepareBenchmark } from "../packages/slimsr/src/datasets/prepare.js";
import { readImage } from "../packages/slimsr/src/images/decode.js";
import { writeImage } from "../packages/slimsr/src/images/encode.js";
import { scriptArguments } from "../test/support/arguments.js";
import { median } from "./in-turn.js";

const [WIDTH, HEIGHT] = [2040, 1356];
/** Of each run; `prepare` has threads to start first. */
const [SHRUNK, PREPARED] = [8, 24];
const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

const { values } = scriptArguments(import.meta.url, {
  options: { runs: { type: "string", default: "7" }, json: { type: "boolean", default: false } },
});
const runs = Math.max(3, Number(values.runs));
const cores = availableParallelism();

/** A photograph, enlarged to DIV2K's size. */
async function photograph(): Promise<Image> {
  const small = await readImage(beside("../test/fixtures/images/kodak-23.png"));
  const large = resizeBicubic(small, Math.max(WIDTH / small.width, HEIGHT / small.height));
  return crop(large, 0, 0, WIDTH, HEIGHT);
}

/** Megapixels of HR a second, of `images` at once or in turn: the median after one run that isn't counted. */
async function rate(images: number, run: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i <= runs; i++) {
    const start = performance.now();
    await run();
    if (i > 0) times.push(performance.now() - start);
  }
  return (images * WIDTH * HEIGHT) / 1e3 / median(times);
}

const image = await photograph();
const workers = Array.from({ length: cores }, () => new Worker(beside("resize/worker.js")));
const shrink = (scale: number, among: readonly Worker[]) => () =>
  Promise.all(
    among.map((worker) => {
      worker.postMessage({ image, scale, times: SHRUNK / cores });
      return once(worker, "message");
    }),
  );

const folder = await mkdtemp(join(tmpdir(), "slimsr-resize-"));
const hr = join(folder, "HR");
await mkdir(hr);
await writeImage(join(hr, "0.png"), image);
for (let i = 1; i < PREPARED; i++) await copyFile(join(hr, "0.png"), join(hr, `${i}.png`));

const results = [];
for (const scale of [2, 3, 4]) {
  results.push({
    scale,
    oneThread: await rate(SHRUNK / cores, shrink(scale, workers.slice(0, 1))),
    allCores: await rate((SHRUNK / cores) * cores, shrink(scale, workers)),
    prepare: await rate(PREPARED, () => prepareBenchmark(hr, [scale], folder)),
  });
}
await Promise.all(workers.map((worker) => worker.terminate()));
await rm(folder, { recursive: true });

if (values.json) {
  console.log(JSON.stringify({ cores, width: WIDTH, height: HEIGHT, runs, results }, null, 2));
} else {
  console.log(
    `${cpus()[0]?.model}, ${cores} cores; ${WIDTH}×${HEIGHT}, Mpixel/s of HR, medians of ${runs} (target 40 at ×4)`,
  );
  for (const { scale, oneThread, allCores, prepare } of results) {
    const figures = [oneThread, allCores, prepare].map((figure) => figure.toFixed(0));
    console.log(`×${scale}: one thread ${figures[0]}, ${cores} threads ${figures[1]}, prepare with PNG ${figures[2]}`);
  }
}
