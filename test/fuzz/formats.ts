import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unzipSync, zipSync } from "fflate";
import sharp from "sharp";
import { readState } from "../../packages/core/src/checkpoints/checkpoint.js";
import { writeSafetensors } from "../../packages/core/src/checkpoints/safetensors.js";
import { readVgg19 } from "../../packages/core/src/checkpoints/vgg19.js";
import { exportModel } from "../../packages/core/src/export/onnx.js";
import { onnxDeployment } from "../../packages/core/src/export/onnx-file.js";
import { quantisedFile, readModel, storedOnnx, writeModel } from "../../packages/core/src/formats/model-file.js";
import { integerModel } from "../../packages/core/src/quantisation/stored.js";
import { readConfig, readVariants } from "../../packages/slimsr/src/cli/settings-options.js";
import { decodeImage, defaultMaxPixels } from "../../packages/slimsr/src/images/decode.js";
import { renderComparison } from "../../packages/slimsr/src/report/comparison-table.js";
import { planAblation, sizesOf } from "../../packages/slimsr/src/runs/ablation.js";
import { compareRuns } from "../../packages/slimsr/src/runs/comparison.js";
import { recordEnvironment } from "../../packages/slimsr/src/runs/environment.js";
import { RunFolder } from "../../packages/slimsr/src/runs/folder.js";
import { Journal } from "../../packages/slimsr/src/runs/journal.js";
import { resolveSettings } from "../../packages/slimsr/src/runs/resolve-settings.js";
import { RESULT as RESULT_FILE, readResult } from "../../packages/slimsr/src/runs/result.js";
import { loadState } from "../../packages/slimsr/src/runs/state.js";
import { soundFiles } from "../../packages/slimsr/test/images/damage.js";
import { isPng } from "../../packages/upscaler/src/images/png-chunks.js";
import { openImage } from "../../packages/upscaler/src/node/open-image.js";
import { bitsOfAvif, coloursOfPng, profileOf } from "../../packages/upscaler/src/web/file-colours.js";
import { wholeBytes } from "../../packages/upscaler/src/web/images.js";
import { isPlainWide, pngHeader, widePng } from "../../packages/upscaler/src/web/wide-png.js";
import { ROOT } from "../support/child.js";
import { imageModel, nearest } from "../support/image-models.js";
import { carn, edsr, modelOf, rcan } from "../support/networks.js";
import { rounded } from "../support/rounded.js";

/** Files of a kind, and what reads them. */
export interface Target {
  readonly files: readonly Uint8Array[];
  readonly read: (bytes: Uint8Array, index: number) => unknown;
}

async function fixtures(ending: RegExp, kind = "checkpoints"): Promise<Uint8Array[]> {
  const folder = join(ROOT, "test/fixtures", kind);
  return Promise.all(
    (await readdir(folder)).filter((name) => ending.test(name)).map((name) => readFile(join(folder, name))),
  );
}

/** A network, VGG19's layers, or whatever tensors there are. */
const checkpoint = (name: string) => (bytes: Uint8Array, index: number) =>
  [readModel, readModel, readVgg19, readState][index % 4]?.(bytes, name);

async function animations(): Promise<Uint8Array[]> {
  const data = Uint8Array.from({ length: 12 * 24 * 4 }, (_, i) => (i * 37) % 256);
  const moving = sharp(data, { raw: { width: 12, height: 24, channels: 4, pageHeight: 8 } });
  return Promise.all([moving.clone().gif().toBuffer(), moving.clone().webp().toBuffer()]);
}

/** All frames, with what goes with them, through a file of pixels. */
async function readBands(bytes: Uint8Array): Promise<void> {
  const { frames, close } = await openImage(bytes, { memory: 0, maxPixels: defaultMaxPixels });
  for (const frame of frames) await frame.read(0, frame.height);
  await close();
}

/** Pictures of a page that have more than browsers decode: profiles, and 16 bits. */
async function stored(): Promise<Uint8Array[]> {
  const [width, height] = [24, 20];
  const wide = ([1, 3, 4] as const).map((channels) => {
    const data = Uint16Array.from({ length: width * height * channels }, (_, i) => (i * 977) % 65536);
    return sharp(data, { raw: { width, height, channels } })
      .toColourspace(channels === 1 ? "grey16" : "rgb16")
      .png();
  });
  const colours = sharp({ create: { width, height, channels: 3, background: "teal" } }).withIccProfile("p3");
  const narrow = (["png", "jpeg", "webp", "avif"] as const).map((format) => colours.clone().toFormat(format));
  return Promise.all([...wide, ...narrow].map((image) => image.toBuffer()));
}

/** What a page reads of a picture by itself. */
async function readStored(bytes: Uint8Array): Promise<void> {
  const file = new Blob([new Uint8Array(bytes)]);
  const whole = await wholeBytes(file);
  profileOf(whole);
  bitsOfAvif(whole);
  const header = isPng(whole) ? pngHeader(whole) : undefined;
  if (!header) return;
  coloursOfPng(whole);
  if (isPlainWide(whole, header)) await (await widePng(file, whole, header)).read(0, 1);
}

/** The pickles within PyTorch's archives: they are packed again, so that damage reaches them. */
async function pickles(): Promise<Target> {
  const files: Uint8Array[] = [];
  const storages: Record<string, Uint8Array> = {};
  for (const archive of await fixtures(/\.(pt|ckpt)$/)) {
    for (const [name, bytes] of Object.entries(unzipSync(archive))) {
      const record = name.replace(/^[^/]+/, "archive");
      if (record === "archive/data.pkl") files.push(bytes);
      // Keys are the same numbers in every file: the largest storage has what any of them asks for.
      else if (bytes.length > (storages[record]?.length ?? -1)) storages[record] = bytes;
    }
  }
  return {
    files,
    read: (bytes, index) =>
      checkpoint("x.pt")(zipSync({ "archive/data.pkl": bytes, ...storages }, { level: 0 }), index),
  };
}

const STATE = {
  step: 2,
  seconds: 1.5,
  joules: null,
  peakMemory: 1,
  validated: 2,
  best: { step: 2, psnr: 30 },
  channels: [8, 16],
  contents: "1",
};

/** A run's checkpoint. */
function stateFile(): Uint8Array {
  const vector = { dtype: "float32", shape: [3], data: Float32Array.of(1, 2, 3) } as const;
  const vectors = ["parameters", "first", "second", "average"].map((name) => [name, vector] as const);
  return writeSafetensors(new Map(vectors), { slimsr_run: JSON.stringify(STATE) });
}

const JOURNAL =
  '{"kind":"step","step":1,"losses":{"loss":0.5},"learningRate":0.001,"seconds":1}\n' +
  '{"kind":"validation","step":1,"seconds":1,"networks":[{"label":"a","width":1,"psnr":30,"ssim":0.9}]}\n';

const CONFIG = {
  network: edsr(2),
  ...{
    train: "a",
    trainRange: "1-3",
    val: "b",
    data: ["c"],
    width: [0.5],
    method: "csd",
    steps: 5,
    learningRate: 0.001,
  },
  ...{ taps: [1, 2], lambdaTeacher: 1, decayAt: [2], seed: 0, device: "cpu", threads: 1 },
};

const ENVIRONMENT = [
  { slimsr: "1.0.0", node: "v20", onnxruntime: "1.30", system: "linux", processor: "x", cores: 2, memory: 1024 },
];

const FIGURES = { scale: 2, ssim: 0.9, parameters: 1, macs: 1, msPerImage: 1 };

const RESULT = {
  run: "run",
  settings: resolveSettings({ teacher: "t", train: "a", val: "b", macs: "25%" }, "settings"),
  progress: STATE,
  students: [{ width: 0.5, files: ["student-w0.5.onnx"], difference: 0.01, channels: [8, 16], milliseconds: 1 }],
  bytes: { student: 1 },
  sets: ["1"],
  rows: [
    { model: "bicubic", width: null, set: "Set5", ...FIGURES, psnr: "Infinity" },
    { model: "teacher before", width: 1, set: "Set5", ...FIGURES, psnr: 30 },
    { model: "student", width: 0.5, set: "Set5", metric: "PSNR of Y", ...FIGURES, psnr: 29 },
  ],
};

/** A run's result, as a comparison has it. */
async function compared(folder: string): Promise<unknown> {
  const result = await readResult(folder);
  return result && renderComparison(await compareRuns([{ name: "kd", folder, result }]), "text");
}

/** Files of a run's folder, each as its reader has it. */
async function runs(): Promise<Target> {
  const path = await mkdtemp(join(tmpdir(), "slimsr-fuzz-"));
  const folder = await RunFolder.hold(path);
  const readers: readonly (readonly [file: string, read: (file: string) => Promise<unknown>])[] = [
    ["checkpoints/latest.safetensors", () => loadState(folder, "latest", 3)],
    ["metrics.jsonl", () => Journal.resume(folder, 1)],
    ["environment.json", () => recordEnvironment(folder)],
    [RESULT_FILE, () => compared(path)],
    ["config.json", async (file) => resolveSettings(await readConfig(file), file)],
    ["variants.json", async (file) => planAblation(path, await readVariants(file), sizesOf({}), [0])],
  ];
  const texts = [
    JOURNAL,
    JSON.stringify(ENVIRONMENT),
    JSON.stringify(RESULT),
    JSON.stringify(CONFIG),
    JSON.stringify({ csd: { method: "csd" }, long: { steps: 9, data: ["a"] } }),
  ];
  return {
    files: [stateFile(), ...texts.map((text) => Buffer.from(text))],
    read: async (bytes, index) => {
      const [name, read] = readers[index % readers.length] as (typeof readers)[number];
      await writeFile(folder.file(name), bytes);
      await read(folder.file(name));
    },
  };
}

/** Every kind of file that the program reads. */
export const FORMATS: Readonly<Record<string, () => Promise<Target>>> = {
  pytorch: async () => ({
    files: await fixtures(/\.(pt|pth|ckpt)$/),
    read: checkpoint("x.pt"),
  }),
  pickles,
  safetensors: async () => ({
    files: [
      ...(await fixtures(/^(edsr|rcan|carn|csd).*\.safetensors$/)),
      ...[edsr(2, { features: 4 }), rcan(3, { features: 4 })].map((network) =>
        writeModel(modelOf(network), "x.safetensors"),
      ),
      ...(await fixtures(/\.onnx$/, "onnx/cases")).map((bytes) =>
        writeModel(readModel(bytes, "x.onnx"), "x.safetensors"),
      ),
    ],
    read: checkpoint("x.safetensors"),
  }),
  integers: async () => ({
    files: [8, 4].map((bits) =>
      quantisedFile(integerModel(rounded(modelOf(edsr(2, { features: 4, blocks: 1 })), bits)), "x.safetensors"),
    ),
    read: (bytes, index) => {
      const onnx = storedOnnx(bytes, "x.safetensors");
      return index % 2 === 0 || !onnx ? readModel(bytes, "x.safetensors") : onnxDeployment("x.safetensors", onnx);
    },
  }),
  onnx: async () => ({
    files: [
      imageModel(nearest),
      imageModel(nearest, { fixed: [8, 8] }),
      ...(await fixtures(/\.onnx$/, "onnx/cases")),
      ...(await fixtures(/\.onnx$/, "onnx/published")),
      ...[edsr(2, { features: 4 }), rcan(3, { features: 4 }), carn(2)].map((network) => exportModel(modelOf(network))),
    ],
    read: (bytes, index) =>
      index % 2 === 0 ? readModel(bytes, "x.onnx") : onnxDeployment("x.onnx", bytes, { scale: 2 }),
  }),
  images: async () => ({
    files: [...Object.values(await soundFiles()), ...(await animations())],
    read: (bytes, index) => (index % 2 === 0 ? decodeImage(bytes, "x") : readBands(bytes)),
  }),
  pictures: async () => ({ files: await stored(), read: readStored }),
  runs,
};
