/**
 * What integers are worth (`slimsr quantise`): a float network as its file has it, and at several widths as `slimsr export` writes it and
 * in INT8, in turn on one image in one run, medians;
 * beside them PyTorch's forward passes in float32 of the same networks (Debian's python3-torch), where it is installed.
 * Arguments: --model FILE (a checkpoint of several widths; by default assets/slim/edsr_r8f64_x2.safetensors), --width LIST (1,0.5),
 * --calibrate FOLDER, --patches N (48), --data FOLDER (sets to measure PSNR on, may be repeated), --side N (256), --threads N, --runs N (7),
 * --browser (files in Chromium's WASM too, on one thread, of an image a quarter as wide), --json.
 */
import { spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { deployable } from "../packages/core/src/export/deployable.js";
import { onnxDeployment } from "../packages/core/src/export/onnx-file.js";
import { elements } from "../packages/core/src/graph/index.js";
import type { Model } from "../packages/core/src/model/model.js";
import { openDataset } from "../packages/slimsr/src/datasets/dataset.js";
import { atQuality } from "../packages/slimsr/src/deployment/quality.js";
import { createSession } from "../packages/slimsr/src/engine/session.js";
import { contender } from "../packages/slimsr/src/evaluation/contender.js";
import { evaluate } from "../packages/slimsr/src/evaluation/evaluate.js";
import { bitsFor } from "../packages/slimsr/src/quantisation/processor.js";
import { quantise } from "../packages/slimsr/src/quantisation/quantise.js";
import { bytes } from "../packages/slimsr/src/text/numbers.js";
import { renderTable } from "../packages/slimsr/src/text/table.js";
import { float32 } from "../packages/upscaler/src/engine/session.js";
import { scriptArguments } from "../test/support/arguments.js";
import { median, rested } from "./in-turn.js";
import { inChromium } from "./int8/browser.js";
import { Peer } from "./step/peers.js";

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));

const { values } = scriptArguments(import.meta.url, {
  options: {
    model: { type: "string", default: beside("../assets/slim/edsr_r8f64_x2.safetensors") },
    width: { type: "string", default: "1,0.5" },
    calibrate: { type: "string" },
    patches: { type: "string", default: "48" },
    data: { type: "string", multiple: true, default: [] },
    side: { type: "string", default: "256" },
    threads: { type: "string" },
    runs: { type: "string", default: "7" },
    browser: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const [runs, side] = [Number(values.runs), Number(values.side)];
const threads = values.threads === undefined ? {} : { threads: Number(values.threads) };

/** What is timed. */
interface Entry {
  readonly name: string;
  /** Undefined of PyTorch's. */
  readonly onnx?: Uint8Array;
  readonly run: () => Promise<number>;
  readonly close: () => Promise<unknown>;
}

async function ours(name: string, onnx: Uint8Array): Promise<Entry> {
  const { input, channels, range } = onnxDeployment(name, onnx);
  const shape = [1, channels.input, side, side];
  const data = Float32Array.from({ length: elements(shape) }, (_, i) => ((i * 97) % 256) * (range / 255));
  const session = await createSession(onnx, threads);
  const run = async () => (await session.run({ [input]: float32(data.slice(), shape) })).milliseconds;
  return { name, onnx, run, close: () => session.close() };
}

const PYTHON = "/usr/bin/python3";
const hasTorch = spawnSync(PYTHON, ["-c", "import torch"], { stdio: "ignore" }).status === 0;

async function torch(name: string, { descriptor, parameters }: Model): Promise<Entry[]> {
  const { origin } = descriptor;
  if (!hasTorch || origin.kind !== "network" || origin.network.architecture !== "edsr") return [];
  // A narrower EDSR is one of fewer features.
  const network = { ...origin.network, features: parameters.get("head.weight")?.shape[0] };
  const peer = new Peer(PYTHON, [beside("evaluate/peer.py"), JSON.stringify({ network, sizes: [[side, side]] })]);
  await peer.ready();
  return [{ name, run: () => peer.step(), close: () => peer.finish() }];
}

const entries: Entry[] = [];
for (const width of values.width.split(",").map(Number)) {
  const model = await atQuality(values.model, {}, width);
  const { onnx } = await quantise(model, {
    ...(values.calibrate !== undefined && { calibration: values.calibrate }),
    ...{ patches: Number(values.patches), bits: bitsFor(undefined) },
  });
  // Speed-ups are over the network as its file has it, before anything is done with it.
  if (entries.length === 0) {
    entries.push(await ours(`width ${width} float32, unmerged`, deployable(model, { merge: false }).onnx));
  }
  entries.push(await ours(`width ${width} float32`, deployable(model).onnx), await ours(`width ${width} INT8`, onnx));
  entries.push(...(await torch(`width ${width} PyTorch float32`, model)));
}

const times = entries.map((): number[] => []);
for (let run = 0; run <= runs; run++) {
  for (const [i, entry] of entries.entries()) {
    const milliseconds = await rested(entry.run);
    // The first run allocates.
    if (run > 0) times[i]?.push(milliseconds);
  }
}
await Promise.all(entries.map(({ close }) => close()));

const deployed = entries.flatMap(({ name, onnx }) => (onnx ? [{ name, onnx }] : []));
const browserTimes = values.browser
  ? await inChromium(
      deployed.map(({ onnx }) => onnx),
      side / 4,
      runs,
    )
  : [];
const inBrowser = new Map(deployed.map(({ name }, i) => [name, browserTimes[i] ?? null]));

const psnr = new Map<string, Map<string, number>>();
for (const path of values.data) {
  const networks = entries.flatMap(({ name, onnx }) => (onnx ? [contender(name, 1, onnxDeployment(name, onnx))] : []));
  const set = await openDataset(path, { scale: networks[0]?.scale ?? 1 });
  const rows = await evaluate(networks, [set], { bicubic: false, ...threads });
  psnr.set(set.name, new Map(rows.map((row) => [row.model, row.psnr])));
}

const medians = times.map(median);
const rows = entries.map(({ name, onnx }, i) => ({
  name,
  milliseconds: medians[i] as number,
  fastest: Math.min(...(times[i] as number[])),
  speedUp: (medians[0] as number) / (medians[i] as number),
  browser: inBrowser.get(name) ?? null,
  bytes: onnx?.length ?? null,
  psnr: Object.fromEntries([...psnr].map(([set, each]) => [set, each.get(name) ?? null])),
}));

if (values.json) console.log(JSON.stringify({ runs, side, rows }, null, 2));
else {
  console.log(`${cpus()[0]?.model}, ${cpus().length} cores; ${side}×${side} input, ${runs} runs in turn`);
  console.log(
    renderTable<(typeof rows)[number]>(
      [
        { title: "network", value: ({ name }) => name },
        { title: "ms (median)", value: ({ milliseconds }) => milliseconds, show: (value) => value.toFixed(1) },
        { title: "ms (fastest)", value: ({ fastest }) => fastest, show: (value) => value.toFixed(1) },
        { title: "of the first", value: ({ speedUp }) => speedUp, show: (factor) => `×${factor.toFixed(2)}` },
        ...(values.browser
          ? [
              {
                title: `ms in Chromium, ${side / 4}×${side / 4}`,
                value: (row: (typeof rows)[number]) => row.browser,
                show: (value: number) => value.toFixed(1),
              },
            ]
          : []),
        { title: "file", value: (row) => row.bytes, show: bytes },
        ...[...psnr.keys()].map((set) => ({
          title: set,
          value: (row: (typeof rows)[number]) => row.psnr[set] ?? null,
          show: (value: number) => value.toFixed(3),
        })),
      ],
      rows,
      "text",
    ),
  );
  if (!hasTorch) console.log(`PyTorch isn't installed (${PYTHON}, python3-torch): its times are left out`);
}
