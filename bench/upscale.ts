/**
 * Upscaling with EDSR 8×64 ×2 in its qualities: ours in floats and in integers (of pixels in memory to pixels, and the engine's part of it)
 * against PyTorch with the same weights (Debian's python3-torch) and UpscalerJS' ESRGAN slim, each in a process of its own, in turn: medians, and
 * PSNR of Y on a set. UpscalerJS is installed from npm's registry into the system's temporary folder the first time.
 * Arguments: --data FOLDER (Set5's; by default three small photographs), --size N (may be repeated; 256 and 1024), --runs N (7), --json.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { resizeBicubic } from "../packages/core/src/images/bicubic.js";
import { crop, type Image, imageOf } from "../packages/core/src/images/image.js";
import { psnr } from "../packages/core/src/metrics/psnr.js";
import { openDataset } from "../packages/slimsr/src/datasets/dataset.js";
import { fromJson, toJson } from "../packages/slimsr/src/files/json.js";
import { readImage } from "../packages/slimsr/src/images/decode.js";
import { scriptArguments } from "../test/support/arguments.js";
import { median, rested } from "./in-turn.js";
import { type Contender, ourPeer, type RawImage, type Times, torchPeer, upscalerJsPeer } from "./upscale/contenders.js";

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const MODEL = beside("../assets/slim/edsr_r8f64_x2.safetensors");
const integersOf = (quality: number) => beside(`../assets/int8/edsr_r8f64_x2-${quality}.onnx`);
const SCALE = 2;
const QUALITIES = [1, 0.5, 0.25];
/** A contender that takes longer than this for all runs of a size has fewer. */
const MOST_MILLISECONDS = 60_000;

const { values } = scriptArguments(import.meta.url, {
  options: {
    data: { type: "string", default: beside("../test/fixtures/images") },
    size: { type: "string", multiple: true, default: ["256", "1024"] },
    runs: { type: "string", default: "7" },
    json: { type: "boolean", default: false },
  },
});
const runs = Math.max(3, Number(values.runs));
const sizes = values.size.map(Number);

const folder = await mkdtemp(join(tmpdir(), "slimsr-upscale-"));

async function raw(image: Image, name: string): Promise<RawImage> {
  const input = join(folder, `${name}.rgb`);
  await writeFile(input, image.data);
  return { input, width: image.width, height: image.height };
}

async function ask({ peer, quality }: Contender, image: RawImage, output?: string): Promise<Times> {
  return fromJson(await rested(() => peer.ask(toJson({ ...image, quality, output })))) as Times;
}

const photograph = await readImage(beside("../test/fixtures/images/kodak-23.png"));
async function square(side: number): Promise<RawImage> {
  const large = resizeBicubic(photograph, Math.max(1, side / Math.min(photograph.width, photograph.height)));
  return raw(crop(large, 0, 0, side, side), String(side));
}

/** Times of each contender, run by run; one that is slow has fewer. */
async function timesOf(contenders: readonly Contender[], side: number): Promise<Times[][]> {
  const image = await square(side);
  const counts: number[] = [];
  for (const contender of contenders) {
    const { whole } = await ask(contender, image);
    counts.push(Math.max(1, Math.min(runs, Math.floor(MOST_MILLISECONDS / whole))));
  }
  const times = contenders.map((): Times[] => []);
  for (let run = 0; run < runs; run++) {
    for (const [i, contender] of contenders.entries()) {
      if (run < (counts[i] as number)) times[i]?.push(await ask(contender, image));
    }
  }
  return times;
}

/** The mean over a set. */
async function quality(contender: Contender, set: Awaited<ReturnType<typeof openDataset>>): Promise<number> {
  const output = join(folder, "output.rgb");
  let sum = 0;
  for (const { hr, lr } of set.pairs) {
    const [truth, image] = [await hr(), await lr()];
    await ask(contender, await raw(image, "input"), output);
    const made = imageOf(image.width * SCALE, image.height * SCALE, 3, new Uint8Array(await readFile(output)));
    sum += psnr(made, truth, { border: SCALE });
  }
  return sum / set.pairs.length;
}

const filesOf = (path: (quality: number) => string) =>
  Object.fromEntries(QUALITIES.map((share) => [share, path(share)]));
const [ours, integers] = [ourPeer(filesOf(() => MODEL)), ourPeer(filesOf(integersOf))];
const [torch, upscalerJs] = [torchPeer(MODEL, await square(256)), await upscalerJsPeer()];
for (const peer of [ours, integers, torch, upscalerJs]) await peer.ready();
const contenders: Contender[] = [
  ...QUALITIES.map((share) => ({ name: "ours fp32", quality: share, peer: ours })),
  ...QUALITIES.map((share) => ({ name: "ours INT8", quality: share, peer: integers })),
  ...QUALITIES.map((share) => ({ name: "PyTorch fp32", quality: share, peer: torch })),
  { name: "UpscalerJS ESRGAN slim", peer: upscalerJs },
];

const set = await openDataset(values.data, { scale: SCALE });
const rows: { name: string; quality: number | undefined; psnr: number; times: Record<number, Times> }[] = [];
for (const contender of contenders) {
  rows.push({ name: contender.name, quality: contender.quality, psnr: await quality(contender, set), times: {} });
}
const ratios: { side: number; what: string; target: string; whole: number; engine: number }[] = [];
for (const side of sizes) {
  const times = await timesOf(contenders, side);
  /** The median of how many times the one's time is the other's, of runs beside one another. */
  const ratio = (one: number, other: number, part: keyof Times): number => {
    const [a, b] = [times[one] as Times[], times[other] as Times[]];
    return median(a.slice(0, b.length).map((time, run) => time[part] / (b[run] as Times)[part]));
  };
  const add = (what: string, target: string, one: number, other: number) =>
    ratios.push({ side, what, target, whole: ratio(one, other, "whole"), engine: ratio(one, other, "engine") });
  times.forEach((list, i) => {
    const medians = { whole: median(list.map(({ whole }) => whole)), engine: median(list.map(({ engine }) => engine)) };
    Object.assign(rows[i]?.times ?? {}, { [side]: medians });
  });
  const first = (name: string) => contenders.findIndex((contender) => contender.name.startsWith(name));
  const [floats, bytes, pytorch, upscalerjs] = ["ours fp32", "ours INT8", "PyTorch", "UpscalerJS"].map(first) as [
    number,
    number,
    number,
    number,
  ];
  add("quality 1 over PyTorch", "≤ 0.6", floats, pytorch);
  add("quality 1 over 0.5", "≥ 3.3", floats, floats + 1);
  add("quality 1 over 0.25", "≥ 9", floats, floats + 2);
  QUALITIES.forEach((share, i) => {
    add(`UpscalerJS over quality ${share}`, "≥ 10", upscalerjs, floats + i);
  });
  QUALITIES.forEach((share, i) => {
    add(`fp32 over INT8, quality ${share}`, "", floats + i, bytes + i);
  });
}
const memory: Record<string, number> = {};
for (const [name, peer] of Object.entries({ ours, integers, torch, upscalerJs })) memory[name] = await peer.finish();
await rm(folder, { recursive: true });

if (values.json) {
  console.log(toJson({ runs, set: set.name, rows, ratios, memory }, 2));
} else {
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores; medians of ${runs} runs in turn; PSNR of Y on ${set.name}\n`,
  );
  const heads = sizes.map((side) => `${side}×${side} ms (engine)`.padStart(26));
  console.log(`${"".padEnd(24)}quality     PSNR${heads.join("")}`);
  for (const row of rows) {
    const cells = sizes.map((side) => {
      const { whole = Number.NaN, engine = Number.NaN } = row.times[side] ?? {};
      return `${whole.toFixed(0)} (${engine.toFixed(0)})`.padStart(26);
    });
    const share = String(row.quality ?? "").padStart(7);
    console.log(`${row.name.padEnd(24)}${share}  ${row.psnr.toFixed(2).padStart(7)}${cells.join("")}`);
  }
  console.log();
  for (const { side, what, target, whole, engine } of ratios) {
    const figures = `${whole.toFixed(2).padStart(7)}  engine alone ${engine.toFixed(2).padStart(6)}`;
    console.log(`${`${side}×${side}`.padEnd(10)} ${what.padEnd(28)}${figures}${target && `  (target ${target})`}`);
  }
  const peaks = Object.entries(memory).map(([name, bytes]) => `${name} ${Math.round(bytes / 2 ** 20)} MiB`);
  console.log(`peak memory: ${peaks.join(", ")}`);
}
