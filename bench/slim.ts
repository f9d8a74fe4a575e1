/**
 * Slimming of EDSR ×2 without training, all of it: reading images, principal components, slicing, refit; against the same method
 * in PyTorch (Debian's python3-torch and python3-pil), in turn in one run: medians.
 * Arguments: --teacher FILE (safetensors with EDSR-PyTorch's names; by default the one that comes with slimsr), --train FOLDER
 * (the photographs that come with it), --calibration-patches N (48), --width W (0.5), --runs N (3), --json. --random 32x256 slims an EDSR of so
 * many blocks and features with random weights instead, once and without the peer.
 */
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { channelAnalysis, networkModel } from "../packages/core/src/model/model.js";
import { countsAtWidth } from "../packages/core/src/model/split.js";
import { DIV2K_MEAN, type NetworkOptions, parameterShapes } from "../packages/core/src/networks/index.js";
import { initialParameters } from "../packages/core/src/networks/initialise.js";
import { EMBEDDED_IMAGES } from "../packages/slimsr/src/assets.js";
import { calibrationPatches } from "../packages/slimsr/src/calibration/patches.js";
import { loadModel } from "../packages/slimsr/src/files/models.js";
import { randomNumbers } from "../packages/slimsr/src/random.js";
import { alignTeacher, slimTeacher } from "../packages/slimsr/src/slimming/aligned-teacher.js";
import { scriptArguments } from "../test/support/arguments.js";
import { median, rested } from "./in-turn.js";
import { Peer } from "./step/peers.js";

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

const { values } = scriptArguments(import.meta.url, {
  options: {
    teacher: { type: "string", default: beside("../assets/teachers/edsr_r8f64_x2.safetensors") },
    train: { type: "string", default: EMBEDDED_IMAGES },
    "calibration-patches": { type: "string", default: "48" },
    width: { type: "string", default: "0.5" },
    runs: { type: "string", default: "3" },
    random: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const { teacher, train } = values;
const [count, width] = [values["calibration-patches"], values.width].map(Number) as [number, number];
const runs = values.random ? 1 : Number(values.runs);
const side = 32;

function randomEdsr(size: string) {
  const [blocks = 0, features = 0] = size.split("x").map(Number);
  const common = { scale: 2, features, mean: DIV2K_MEAN, range: 255 } as const;
  const network: NetworkOptions = { architecture: "edsr", ...common, blocks, resScale: 0.1 };
  return networkModel(network, initialParameters(parameterShapes(network), randomNumbers(0)));
}

async function ours(): Promise<{ images: number; alignment: number; refit: number; whole: number }> {
  const start = performance.now();
  const model = values.random ? randomEdsr(values.random) : await loadModel(teacher);
  const patches = await calibrationPatches(train, { scale: model.descriptor.scale, count, side });
  const read = performance.now();
  const aligned = await alignTeacher(model, patches, "pca");
  const turned = performance.now();
  await slimTeacher(aligned, countsAtWidth(channelAnalysis(model).groups, width), patches, true);
  const end = performance.now();
  return { images: read - start, alignment: turned - read, refit: end - turned, whole: end - start };
}

const configuration = { teacher, images: train, count, side, width };
const torch = values.random
  ? undefined
  : new Peer("/usr/bin/python3", [beside("slim/peer.py"), JSON.stringify(configuration)]);
await torch?.ready();
const blas = await torch?.ask("blas");
const times: (Awaited<ReturnType<typeof ours>> & { torch: number })[] = [];
for (let run = 0; run < runs; run++) {
  const own = await rested(ours);
  times.push({ ...own, torch: torch ? await rested(() => torch.step()) : Number.NaN });
}
const torchMemory = await torch?.finish();

const medianOf = (of: (time: (typeof times)[number]) => number): number => median(times.map(of));
const result = {
  ...{ patches: count, width, runs },
  images: medianOf(({ images }) => images),
  alignment: medianOf(({ alignment }) => alignment),
  refit: medianOf(({ refit }) => refit),
  whole: medianOf(({ whole }) => whole),
  torch: medianOf((time) => time.torch),
  ratio: medianOf((time) => time.whole / time.torch),
  memory: process.resourceUsage().maxRSS * 1024,
  torchMemory,
  blas,
};
if (values.json) {
  console.log(JSON.stringify(result, null, 2));
} else {
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores; width ${width}, ${count} patches, ${runs} runs in turn`);
  console.log(`slimming  ${seconds(result.whole)}`);
  console.log(
    `of which  images ${seconds(result.images)}, alignment ${seconds(result.alignment)}, refit ${seconds(result.refit)}`,
  );
  console.log(`memory    ${megabytes(result.memory)}`);
  if (torchMemory !== undefined) {
    console.log(`PyTorch   ${seconds(result.torch)}, ${megabytes(torchMemory)}, its matrix products by ${blas}`);
    console.log(`ratio     ${result.ratio.toFixed(2)} (target 0.70)`);
  }
}
