/**
 * How long it takes to reach a quality: EDSR ×2 cut to part of its channels by `compress` with some of its presets, and in PyTorch 1.13 (Debian's python3-torch
 * and python3-pil) from where published methods start: by L1 alone (slice), and by contrastive self-distillation (CSD) with settings that suit so short
 * a time. One after another; seconds from reading the first image on, with all that is made before training, without measuring.
 * Arguments: --train FOLDER, --data FOLDER (HR and LR_bicubic/X2, measured on), --teacher FILE (the one that comes with slimsr), --width W (0.5), --preset LIST
 * (of `compress`; quick,cpu), --seconds S (of each of PyTorch's; 300), --reach LIST (36.5,37,37.3,37.5,37.6), --json.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writeSafetensors } from "../packages/core/src/checkpoints/safetensors.js";
import { EMBEDDED_VGG19 } from "../packages/slimsr/src/assets.js";
import { loadVgg19 } from "../packages/slimsr/src/files/checkpoints.js";
import { compress } from "../packages/slimsr/src/runs/compress.js";
import { PRESETS, type Preset, presetSettings } from "../packages/slimsr/src/runs/presets.js";
import { scriptArguments } from "../test/support/arguments.js";

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

const { values } = scriptArguments(import.meta.url, {
  options: {
    train: { type: "string" },
    data: { type: "string" },
    teacher: { type: "string", default: beside("../assets/teachers/edsr_r8f64_x2.safetensors") },
    width: { type: "string", default: "0.5" },
    preset: { type: "string", default: "quick,cpu" },
    seconds: { type: "string", default: "300" },
    reach: { type: "string", default: "36.5,37,37.3,37.5,37.6" },
    json: { type: "boolean", default: false },
  },
});
const { train, data, teacher } = values;
if (train === undefined || data === undefined) {
  process.stderr.write("--train and --data are needed; --help says what they are\n");
  process.exit(2);
}

const presets = PRESETS.filter((preset) => values.preset.split(",").includes(preset));
if (presets.length < values.preset.split(",").length) {
  process.stderr.write(`--preset ${values.preset}: each must be one of ${PRESETS.join(", ")}\n`);
  process.exit(2);
}

interface Point {
  readonly seconds: number;
  readonly step: number;
  readonly psnr: number;
}

const LARGEST = 100_000;

async function ours(preset: Preset, root: string, images: string, set: string): Promise<Point[]> {
  const start = performance.now();
  const folder = join(root, preset);
  // Nothing that was kept before counts.
  process.env.XDG_CACHE_HOME = join(folder, "cache");
  const points: Point[] = [];
  let [away, step, ended] = [0, 0, start];
  const stop = new AbortController();
  const chosen = presetSettings(preset, 2);
  const validateEvery = Math.min(100, chosen.validateEvery ?? 100);
  const settings = {
    ...{ ...chosen, teacher, train: images, val: set, width: [Number(values.width)], skipBad: true },
    ...{ validateEvery, checkpointEvery: LARGEST, validationPatch: LARGEST },
  };
  const run = compress(
    { out: join(folder, "run"), settings },
    {
      signal: stop.signal,
      onStep: (report) => {
        step = report.step;
        if (step % validateEvery === 0) ended = performance.now();
      },
      onValidation: ([row]) => {
        const now = performance.now();
        // The first measuring, of the start, is within: nothing tells when it begins.
        if (points.length === 0) ended = now;
        points.push({ seconds: (ended - start - away) / 1000, step, psnr: row?.psnr ?? Number.NaN });
        away += now - ended;
      },
      onTrained: () => stop.abort(),
    },
  );
  await run.catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  return points;
}

const PYTHON = "/usr/bin/python3";

/** @throws where the peer fails */
async function torch(configuration: Readonly<Record<string, unknown>>): Promise<Point[]> {
  const child = spawn(PYTHON, [beside("quality/peer.py"), JSON.stringify(configuration)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const points: Point[] = [];
  for await (const line of createInterface({ input: child.stdout })) points.push(JSON.parse(line) as Point);
  const [code] = await exit;
  if (code !== 0) throw new Error(`the peer ended with code ${code}; its own message stands above`);
  return points;
}

/** PyTorch's turn comes after many minutes. @throws where what it needs isn't there */
async function requirePeer(): Promise<void> {
  try {
    await promisify(execFile)(PYTHON, ["-c", "import numpy, torch; from PIL import Image"]);
  } catch (cause) {
    const needed = "python3-torch python3-pil";
    throw new Error(`the peer needs more of Debian's packages: apt-get install ${needed}`, { cause });
  }
}

await requirePeer();
const folder = await mkdtemp(join(tmpdir(), "slimsr-quality-"));
try {
  const vgg = join(folder, "vgg19.safetensors");
  const weights = await loadVgg19(EMBEDDED_VGG19);
  const layers = weights.convolutions.flatMap(({ weight, bias }, n) => [
    [`weights.${n}`, { dtype: "float32", ...weight }] as const,
    [`biases.${n}`, { dtype: "float32", ...bias }] as const,
  ]);
  await writeFile(vgg, writeSafetensors(new Map(layers)));
  const common = { teacher, vgg, images: train, set: data, width: Number(values.width), batch: 16, patch: 24 };
  const seconds = Number(values.seconds);
  const own: Record<string, Point[]> = {};
  for (const preset of presets) own[preset] = await ours(preset, folder, train, data);
  const results = {
    ...own,
    slice: await torch({ ...common, method: "slice", rate: 5e-4, seconds }),
    csd: await torch({ ...common, method: "csd", rate: 1e-4, seconds }),
  };
  const goals = values.reach.split(",").map(Number);
  const reached = (points: readonly Point[], goal: number) => points.find(({ psnr }) => psnr >= goal)?.seconds;
  if (values.json) process.stdout.write(`${JSON.stringify(results)}\n`);
  else {
    process.stdout.write(
      `seconds to reach, on ${data}\n${["", ...goals.map((goal) => `${goal} dB`)].map((cell) => cell.padStart(10)).join("")}\n`,
    );
    for (const [name, points] of Object.entries(results)) {
      const cells = goals.map((goal) => reached(points, goal)?.toFixed(0) ?? "–");
      const { psnr = Number.NaN, seconds: last = 0 } = points.at(-1) ?? {};
      process.stdout.write(
        `${[name, ...cells].map((cell) => cell.padStart(10)).join("")}   ends at ${psnr.toFixed(3)} dB after ${last.toFixed(0)} s\n`,
      );
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
