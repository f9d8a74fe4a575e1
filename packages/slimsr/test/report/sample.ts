import { readFile } from "node:fs/promises";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import { readImage } from "../../src/images/decode.js";
import { encodeImage } from "../../src/images/encode.js";
import type { AblationReport } from "../../src/report/comparison-page.js";
import type { ReportRow, RunReport } from "../../src/report/run-page.js";

const empty = { parameters: null, macs: null, latencyMs: null, speedUp: null, modelBytes: null };
const edsr = { parameters: 779_011, macs: 180.4e9, latencyMs: 2257.7, speedUp: 1, modelBytes: 3_120_000 };
const half = { parameters: 195_971, macs: 45.6e9, latencyMs: 680.4, speedUp: 3.32, modelBytes: 786_000 };
const quarter = { parameters: 49_651, macs: 11.7e9, latencyMs: 251.2, speedUp: 8.99, modelBytes: 201_000 };

function rows(set: string, psnr: readonly number[]): ReportRow[] {
  const models = [
    { role: "bicubic", label: "bicubic", ...empty },
    { role: "teacher-before", label: "teacher before", ...edsr },
    { role: "teacher-after", label: "teacher after", ...edsr, latencyMs: 2260.1 },
    { role: "student", label: "student w0.5", ...half },
    { role: "student", label: "student w0.25", ...quarter },
  ] as const;
  return models.map((model, i) => ({ ...model, set, scale: 2, psnr: psnr[i] ?? null, ssim: 0.9 + i / 100 }));
}

const decay = (start: number, end: number, noise: number) =>
  Array.from({ length: 2500 }, (_, i) => {
    const wobble = Math.sin(i * 12.9898) * 43758.5453;
    return [i + 1, end + (start - end) * Math.exp(-i / 400) + noise * (wobble - Math.floor(wobble))] as const;
  });

/** A report of a run with every part filled in, its crops from a real photograph. */
export async function sampleReport(): Promise<RunReport> {
  const truth = "test/fixtures/images/kodak-19.png";
  const hr = await readImage(truth);
  const bicubic = resizeBicubic(resizeBicubic(hr, 1 / 2), 2);
  const nearest = resizeBicubic(resizeBicubic(hr, 1 / 3), 3);
  const tiles = [
    { label: "bicubic", png: await encodeImage(nearest, "png"), psnr: 28.31 },
    { label: "student w0.5", png: await encodeImage(bicubic, "png"), psnr: 31.02 },
    { label: "teacher before", png: await encodeImage(bicubic, "png"), psnr: 31.4 },
    { label: "original", png: await readFile(truth), psnr: null },
  ];
  const validation = (top: number) =>
    Array.from({ length: 11 }, (_, i) => [i * 250, top - 1.2 * Math.exp(-i / 2)] as const);
  return {
    title: "EDSR ×2 at widths 0.5 and 0.25",
    created: "2026-11-25T09:45:00Z",
    summary: [
      "The student of width 0.5 reaches 37.50 dB on Set5 with a quarter of the teacher's parameters, 3.3 times as fast.",
      "Trained for 2,500 steps with the method kd from edsr_r8f64_x2.safetensors.",
    ],
    table: [
      ...rows("Set5", [33.673, 37.801, 37.792, 37.501, 36.62]),
      ...rows("Set14", [30.325, 33.373, 33.31, 32.981, 32.4]),
    ],
    curves: [
      {
        title: "Losses",
        series: [
          { name: "L1, width 0.5", points: decay(4.6, 3.9, 0.4) },
          { name: "L1, width 0.25", points: decay(5.4, 4.4, 0.5) },
          { name: "L1, teacher", points: decay(3.8, 3.7, 0.3) },
        ],
      },
      {
        title: "PSNR on validation images, dB",
        series: [
          { name: "width 0.5", points: validation(33.21) },
          { name: "width 0.25", points: validation(32.43) },
        ],
      },
      {
        title: "Learning rate",
        series: [
          {
            name: "learning rate",
            points: Array.from({ length: 2500 }, (_, i) => [i, 1e-4 * (0.5 + 0.5 * Math.cos((Math.PI * i) / 2500))]),
          },
        ],
      },
    ],
    crops: [
      { image: "kodak-19", width: 192, height: 192, tiles },
      { image: "kodak-19 again", width: 192, height: 192, tiles: tiles.slice(1) },
    ],
    settings: {
      teacher: "edsr_r8f64_x2.safetensors",
      train: "/data/train/a rather long path/with/many/folders/and-no-place-to-break-it-anywhere",
      width: [0.5, 0.25],
      method: "kd",
      steps: 2500,
      batch: 16,
      learningRate: 1e-4,
      averageDecay: null,
      network: { architecture: "edsr", blocks: 8 },
    },
    environment: { processor: "AMD EPYC", threads: 2, node: "v20.20.2", "onnxruntime-node": "1.30.0" },
    cost: {
      seconds: 511.3,
      stepsPerSecond: 4.89,
      flops: 7.31e13,
      joules: null,
      peakMemoryBytes: 521_000_000,
      vggShare: 0.412,
    },
    notes: ["The teacher shares the student's weights and lost 0.009 dB on Set5."],
  };
}

/** A comparison of three methods at two widths on two sets. */
export function sampleAblation(): AblationReport {
  const scores = (psnr: number, spread: number | null) =>
    ["Set5", "Set14"].map((set, i) => ({
      set,
      scale: 2,
      psnr: { mean: psnr - 4.6 * i, spread },
      ssim: { mean: 0.957 - 0.04 * i, spread: spread === null ? null : 0.0004 },
    }));
  const row = (name: string, width: number, psnr: number, seeds: number, teacherDrift: number | null) => ({
    ...{ name, method: name.replace(/-.*/, ""), width, steps: 1500, seeds, teacherDrift },
    scores: scores(psnr, seeds > 1 ? 0.034 : null),
    differing: name === "csd-k4" ? { negatives: 4, taps: [1, 0] } : {},
    objective: name.startsWith("csd") ? "L1 + 10 · contrastive; frozen teacher" : "L1",
    runs: Array.from({ length: seeds }, (_, seed) => ({ seed, folder: `${name}-w${width}-s${seed}` })),
    validation: {
      start: { mean: psnr - 8, spread: null },
      best: { mean: psnr - 4, spread: seeds > 1 ? 0.02 : null },
      curve: Array.from({ length: 4 }, (_, i) => [i * 500, psnr - 4 - 4 * 0.2 ** i] as const),
    },
    secondsPerStep: name === "csd" ? 0.48 : 0.102,
  });
  const { title, created, summary, settings, environment } = {
    title: "Methods at equal steps, EDSR ×2",
    created: "2026-11-25T10:00:00Z",
    summary: ["At 1,500 steps, slice is ahead."],
    settings: { steps: 1500, batch: 16 },
    environment: { threads: 2 },
  };
  return {
    ...{ title, created, summary, settings, environment },
    references: [
      { label: "bicubic", scores: scores(33.67, null) },
      { label: "teacher", scores: scores(37.8, null) },
    ],
    rows: [
      row("csd", 0.5, 35.69, 1, -1.32),
      row("slice", 0.5, 36.51, 3, null),
      row("scratch", 0.5, 35.01, 3, null),
      row("csd-k4", 0.5, 35.2, 1, -1.32),
      row("csd", 0.25, 34.4, 1, -1.32),
      row("slice", 0.25, 35.2, 3, null),
    ],
    notes: ["csd ran with one seed: it has no spread."],
  };
}
