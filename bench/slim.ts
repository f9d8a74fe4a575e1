/**
 * Slimming of EDSR ×2 without training, all of it: reading images, principal components, slicing, refit; against the same method
 * in PyTorch (Debian's python3-torch and python3-pil), in turn in one run: medians.
 * Arguments: --teacher FILE (safetensors with EDSR-PyTorch's names; by default the one that comes with slimsr), --calibrate FOLDER
 * (the photographs that come with it), --patches N (48), --width W (0.5), --runs N (3), --json.
 */
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { calibrationPatches, EMBEDDED_IMAGES } from "../src/calibration/patches.js";
import { loadCheckpoint } from "../src/checkpoints/files.js";
import { networkModel } from "../src/slimming/model.js";
import { alignTeacher, slimTeacher } from "../src/slimming/slim.js";
import { countsAtWidth } from "../src/slimming/split.js";
import { Peer } from "./step/peers.js";

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

const { values } = parseArgs({
  options: {
    teacher: { type: "string", default: beside("../assets/teachers/edsr_r8f64_x2.safetensors") },
    calibrate: { type: "string", default: EMBEDDED_IMAGES },
    patches: { type: "string", default: "48" },
    width: { type: "string", default: "0.5" },
    runs: { type: "string", default: "3" },
    json: { type: "boolean", default: false },
  },
});
const { teacher, calibrate } = values;
const [count, width, runs] = [values.patches, values.width, values.runs].map(Number) as [number, number, number];
const side = 32;

async function ours(): Promise<{ images: number; alignment: number; refit: number; whole: number }> {
  const start = performance.now();
  const { network, parameters } = await loadCheckpoint(teacher);
  const patches = await calibrationPatches(calibrate, { scale: network.scale, count, side });
  const read = performance.now();
  const model = networkModel(network);
  const aligned = await alignTeacher(model, parameters, patches, "pca");
  const turned = performance.now();
  await slimTeacher(aligned, countsAtWidth(model.analysis.groups, width), patches, true);
  const end = performance.now();
  return { images: read - start, alignment: turned - read, refit: end - turned, whole: end - start };
}

const configuration = { teacher, images: calibrate, count, side, width };
const torch = new Peer("/usr/bin/python3", [beside("slim/peer.py"), JSON.stringify(configuration)]);
await torch.ready();
const times: (Awaited<ReturnType<typeof ours>> & { torch: number })[] = [];
for (let run = 0; run < runs; run++) times.push({ ...(await ours()), torch: await torch.step() });
const torchMemory = await torch.finish();

const median = (of: (time: (typeof times)[number]) => number): number =>
  times.map(of).sort((a, b) => a - b)[runs >> 1] as number;
const result = {
  ...{ patches: count, width, runs },
  images: median(({ images }) => images),
  alignment: median(({ alignment }) => alignment),
  refit: median(({ refit }) => refit),
  whole: median(({ whole }) => whole),
  torch: median((time) => time.torch),
  ratio: median((time) => time.whole / time.torch),
  memory: process.resourceUsage().maxRSS * 1024,
  torchMemory,
};
if (values.json) {
  console.log(JSON.stringify(result, null, 2));
} else {
  const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores; width ${width}, ${count} patches, ${runs} runs in turn`);
  console.log(`slimming  ${seconds(result.whole)}, ${result.ratio.toFixed(2)} of PyTorch's time (target 0.70)`);
  console.log(
    `of which  images ${seconds(result.images)}, alignment ${seconds(result.alignment)}, refit ${seconds(result.refit)}`,
  );
  console.log(`PyTorch   ${seconds(result.torch)}`);
  console.log(`memory    ${megabytes(result.memory)}, PyTorch ${megabytes(torchMemory)}`);
}
