import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { channelAnalysis, nameOf } from "@slimsr/core/internal/model/model.js";
import { layerOf } from "@slimsr/core/internal/model/split.js";
import type { Dataset } from "../datasets/dataset.js";
import type { Contender } from "../evaluation/contender.js";
import { type EvaluationRow, evaluate, savedLabel } from "../evaluation/evaluate.js";
import { speedUp } from "../evaluation/evaluation-table.js";
import { encodeImage } from "../images/encode.js";
import type { CropComparison, CropTile, Curve, ModelRole, ReportRow, RunReport } from "../report/run-page.js";
import { stepCost } from "../training/flops.js";
import { isShared } from "../training/learners.js";

import { readJournal, type StepLine } from "./journal.js";
import { roundingOf, vggFile } from "./methods.js";
import { objectiveOf } from "./objective.js";
import type { Run } from "./open.js";
import type { Outcome } from "./result.js";
import { TEACHER_BEFORE, teacherDrifts } from "./trained-networks.js";
import { isTutor } from "./tutors.js";
import { centresOf } from "./validation.js";

/** LR pixels along a side of a crop, and images that crops are shown of. */
const CROP_SIDE = 96;
const CROPS = 4;
/** Points of a curve, at most. */
const POINTS = 400;

/** All that the page of a finished run shows. */
export async function runReport(run: Run, outcome: Outcome, models: readonly Contender[]): Promise<RunReport> {
  const { settings, environments, options } = run;
  const { progress, rows } = outcome;
  const { flops, featureShare } = stepCost(options);
  const scale = `×${options.model.descriptor.scale}`;
  return {
    title: `${nameOf(options.model)} ${scale} to ${options.widths.map((width) => `width ${width}`).join(", ")}`,
    created: new Date().toISOString(),
    summary: summaryOf(run, outcome),
    table: rows.map((row) => reportRow(row, rows, outcome.bytes)),
    curves: await curvesOf(run),
    crops: await cropsOf(run, models),
    settings,
    environment: Object.fromEntries(environments.map((each, i) => [i === 0 ? "machine" : `machine ${i + 1}`, each])),
    cost: {
      seconds: progress.seconds,
      stepsPerSecond: progress.seconds > 0 ? settings.steps / progress.seconds : null,
      flops: flops * settings.steps,
      joules: progress.joules,
      peakMemoryBytes: progress.peakMemory,
      vggShare: vggFile(settings) === undefined ? 0 : featureShare,
    },
    notes: [
      "Latency is the engine's time for a whole image on this machine, with the other models measured in turn in the same run.",
      `The students are those of step ${progress.best?.step}, the best on the validation images; the test sets had no part in the choice.`,
      ...channelNotes(run, outcome),
      ...roundingNotes(run),
      ...outputNotes(run),
      ...(isShared(options) ? driftNotes(rows) : []),
    ],
  };
}

function summaryOf({ settings }: Run, { rows }: Outcome): string[] {
  const how = `${settings.steps} steps of ${settings.method}: ${objectiveOf(settings)}.`;
  const results = rows.flatMap((row) => {
    const before = rows.find(({ set, model }) => set === row.set && model === TEACHER_BEFORE);
    if (row.model !== "student" || !before) return [];
    const lost = before.psnr - row.psnr;
    const compared = Number.isFinite(lost)
      ? `${Math.abs(lost).toFixed(3)} dB ${lost >= 0 ? "below" : "above"} the teacher`
      : `the teacher ${before.psnr.toFixed(3)} dB`;
    const parameters = row.parameters && before.parameters ? (100 * row.parameters) / before.parameters : null;
    return [
      `On ${row.set} the student of width ${row.width} reaches ${row.psnr.toFixed(3)} dB, ` +
        `${compared}${parameters === null ? "" : `, with ${parameters.toFixed(parameters < 10 ? 1 : 0)} % of its parameters`}.`,
    ];
  });
  return [how, ...results];
}

/** What a budget made of each layer, and what an output takes where it was a time. */
function channelNotes({ settings: { budget, macs, ms, at }, options }: Run, { students }: Outcome): string[] {
  const { channels } = options;
  if (!channels) return [];
  const given =
    ms === undefined ? [budget && `--budget ${budget}`, macs && `--macs ${macs}`] : [`--ms ${ms}`, at && `--at ${at}`];
  const kept = channelAnalysis(options.model).groups.map(
    (group, g) => `${layerOf(group)} ${channels[g]} of ${group.size}`,
  );
  const times = students.flatMap(({ milliseconds }) =>
    milliseconds === undefined ? [] : [`An output of the student takes ${milliseconds.toFixed(1)} ms.`],
  );
  return [`Channels were chosen for ${given.filter(Boolean).join(" ")}: ${kept.join(", ")}.`, ...times];
}

/** What students' numbers were rounded to as they were trained. */
function roundingNotes({ settings }: Run): string[] {
  const rounding = roundingOf(settings);
  if (!rounding) return [];
  const { method, bits, activationBits } = rounding;
  const what = `weights of ${bits} bits and activations of ${activationBits}`;
  const how = { ours: "scales that are learnt, from the closed form's", pams: "PAMS's ranges", pact: "PACT's ranges" };
  return [`Students were trained with the roundings of ${what} in front of convolutions, by ${how[method]}.`];
}

/** Where the output came from that students learnt. */
function outputNotes({ outputs, tutors }: Run): string[] {
  if (!outputs) return [];
  const learnt = tutors.length > 0 ? tutors.map(({ name }) => name).join(", ") : "the teacher";
  const ensemble = outputs.selfEnsemble ? ", each the mean over the eight turned and flipped images" : "";
  const mean = tutors.length > 1 ? "the mean output" : "the output";
  return [`Students learnt ${mean} of ${learnt} on whole training images, made before training${ensemble}.`];
}

/** What sharing weights did to the teacher. */
export function driftNotes(rows: readonly EvaluationRow[]): string[] {
  return teacherDrifts(rows).map(({ set, before, after }) => {
    const drift = after - before;
    return `Teacher drift on ${set}: ${drift >= 0 ? "+" : "−"}${Math.abs(drift).toFixed(3)} dB (${before.toFixed(3)} before, ${after.toFixed(3)} after).`;
  });
}

const ROLES: Readonly<Record<string, ModelRole>> = {
  bicubic: "bicubic",
  input: "bicubic",
  [TEACHER_BEFORE]: "teacher-before",
  teacher: "teacher-after",
};

function reportRow(row: EvaluationRow, rows: readonly EvaluationRow[], bytes: Outcome["bytes"]): ReportRow {
  const { model, width, set, scale, psnr, ssim, parameters, macs, msPerImage, bits } = row;
  const label = width === null ? model : savedLabel({ name: model, width });
  return {
    role: ROLES[model] ?? (isTutor(model) ? "tutor" : "student"),
    label: model === "teacher" ? "teacher after" : label,
    ...{ set, scale, psnr, ssim, parameters, macs },
    latencyMs: msPerImage,
    speedUp: speedUp(row, rows),
    modelBytes: bytes[label] ?? null,
    ...(bits !== undefined && { bits }),
  };
}

async function curvesOf({ folder }: Run): Promise<Curve[]> {
  const lines = await readJournal(folder);
  const steps = lines.filter((line) => line.kind === "step");
  const validations = lines.filter((line) => line.kind === "validation");
  const labels = [
    ...new Set(
      validations.flatMap(({ networks }) => networks.map(({ label, width }) => savedLabel({ name: label, width }))),
    ),
  ];
  const psnr = labels.map((name) => ({
    name,
    points: validations.flatMap(({ step, networks }) =>
      networks
        .filter(({ label, width }) => savedLabel({ name: label, width }) === name)
        .map((each) => [step, each.psnr] as const),
    ),
  }));
  const names = Object.entries(steps[0]?.losses ?? {}).flatMap(([name, value]) =>
    typeof value === "number" ? [name] : [],
  );
  const series = (name: string) => ({ name, points: smoothed(steps, ({ losses }) => losses[name] as number) });
  return [
    { title: "Validation PSNR (dB)", series: psnr },
    { title: "Losses", series: names.filter((name) => name !== "gradient_norm").map(series) },
    { title: "Norm of the gradient", series: [series("gradient_norm")] },
    {
      title: "Learning rate",
      series: [{ name: "learning rate", points: smoothed(steps, ({ learningRate }) => learningRate) }],
    },
  ];
}

/** Means over stretches of the steps. */
function smoothed(lines: readonly StepLine[], value: (line: StepLine) => number): [number, number][] {
  const stretch = Math.max(1, Math.ceil(lines.length / POINTS));
  return Array.from({ length: Math.ceil(lines.length / stretch) }, (_, i) => {
    const part = lines.slice(i * stretch, (i + 1) * stretch);
    return [(part.at(-1) as StepLine).step, part.reduce((sum, line) => sum + value(line), 0) / part.length];
  });
}

/** The centres of some validation images by every model, beside the original. */
async function cropsOf(run: Run, models: readonly Contender[]): Promise<CropComparison[]> {
  const { whole } = run.validation;
  const step = Math.max(1, Math.floor(whole.pairs.length / CROPS));
  const shown: Dataset = { ...whole, pairs: whole.pairs.filter((_, i) => i % step === 0).slice(0, CROPS) };
  const crops = centresOf(shown, CROP_SIDE);
  const folder = run.folder.file("samples", "final");
  const rows = await evaluate(models, [crops], { device: run.settings.device, save: folder });
  return Promise.all(
    crops.pairs.map(async ({ name, hr }, i) => {
      const original = await hr();
      const tiles = rows.map(async ({ model, width, images }): Promise<CropTile> => {
        const label = width === null ? model : savedLabel({ name: model, width });
        const png = await readFile(join(folder, crops.name, label, `${name}.png`));
        return { label: model === "teacher" ? "teacher after" : label, png, psnr: images[i]?.psnr ?? null };
      });
      const truth: CropTile = { label: "original", png: await encodeImage(original, "png"), psnr: null };
      return {
        image: name,
        width: original.width,
        height: original.height,
        tiles: [...(await Promise.all(tiles)), truth],
      };
    }),
  );
}
