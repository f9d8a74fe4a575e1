import { join } from "node:path";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { Command, Option } from "commander";
import { renderEvaluation } from "../evaluation/evaluation-table.js";
import type { Exchange } from "../exchange/exchange.js";
import { toJson } from "../files/json.js";
import {
  type CompletedRun,
  type Compression,
  type CompressionHooks,
  compress,
  type RunRequest,
} from "../runs/compress.js";
import type { Preset } from "../runs/presets.js";
import { resultOf } from "../runs/result.js";
import { driftNotes } from "../runs/run-report.js";
import { DATA_PATHS, type DataPaths, type PartialSettings, settingsOver } from "../runs/settings.js";
import { flagOf } from "../text/expectation.js";
import { message } from "../text/visible.js";
import { addFormatOptions, FORMATS, type FormatOptions, tableFormat } from "./formats.js";
import { LiveTraining } from "./live.js";
import { writeNotes } from "./notes.js";
import { withProgress } from "./progress.js";
import { type SettingKey, sharedTeacherDefaults } from "./setting-defaults.js";
import { addSettingsOptions, readConfig, settingsOf } from "./settings-options.js";
import { together } from "./together.js";

interface Options extends FormatOptions {
  preset: Preset;
  config?: string;
  out?: string;
  resume?: string;
}

/** Presets, the default first. */
export const STARTING_POINTS: readonly Preset[] = ["cpu", "best", "paper", "quick"];

export const presetOption = (): Option =>
  new Option(
    "--preset <name>",
    "settings to start from: cpu made the best student within five minutes of training on two cores, best has most of an hour, paper is the published recipe, quick a first look",
  )
    .choices(STARTING_POINTS)
    .default("cpu");

/** What help says of presets besides each option's defaults. */
export const SHARED_TEACHER = `Where the teacher is trained too (--method joint, or csd with --teacher-weights shared), cpu, best and quick have
${sharedTeacherDefaults("cpu")}.`;

const EXAMPLES = `
Examples:
  slimsr compress --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --val assets/held-out/Kodak --width 0.5 --out run
  slimsr compress --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --train-range 1-15 \\
    --val assets/calibration --val-range 16-18 --preset quick --out quick
  slimsr compress --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --val assets/calibration \\
    --method slice --steps 1500 --data assets/held-out/Kodak --out slice
  slimsr compress --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --val assets/held-out/Kodak \\
    --tutor assets/teachers/edsr_r8f64_x2.safetensors --self-ensemble --out taught
  slimsr compress --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --val assets/held-out/Kodak \\
    --macs 25% --out quarter
  slimsr compress --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --val assets/held-out/Kodak \\
    --width 0.5 --bits 8 --out integers
  slimsr compress --resume run
  slimsr compress --resume run --train assets/calibration --val assets/held-out/Kodak

The run's folder gets config.json, metrics.jsonl, TensorBoard events, checkpoints, samples, and at the end each student as
.safetensors and .onnx, and report.html; those that are trained with the roundings of --bits also as integers, -int8.onnx. What the command line says goes before the config file, and that before the preset.
${SHARED_TEACHER}
Ctrl-C saves after the step under way; --resume goes on exactly from there, as long as images,
teacher and VGG19's weights are what they were; where they lie may change.
mpirun -n 4 or srun before it shares each step out among processes, of one machine or several: docs/cluster.md.`;

/** Settings of networks that are trained anew. */
const LEFT: readonly SettingKey[] = ["network", "pretrained"];

/** \`slimsr compress\`: the main job, from a teacher to trained students. */
export function compressCommand(): Command {
  const command = new Command("compress")
    .option("--out <folder>", "the run's folder")
    .option("--resume <folder>", "go on with an interrupted run, with the settings it has")
    .addOption(presetOption())
    .option("--config <file>", "JSON file of settings, by the same names as here without dashes (learningRate)");
  return addSettingsOptions(addFormatOptions(command), LEFT, STARTING_POINTS)
    .addHelpText("after", EXAMPLES)
    .action(run);
}

const run = (options: Options, command: Command): Promise<void> =>
  together(async (exchange, signal) => {
    const request = options.resume === undefined ? await beginning(options) : resuming(command, options.resume);
    await showRun((hooks) => compress(request, hooks), options, exchange, signal);
  });

async function beginning({ out, preset, config, ...options }: Options): Promise<RunRequest<Compression>> {
  if (out === undefined) throw new UsageError(NO_FOLDER);
  return { out, preset, settings: await givenSettings(config, options, LEFT), source: config };
}

export const NO_FOLDER = "name the run's folder: --out RUN, or --resume RUN to go on with one";

/** @throws UsageError where the command line says more than where the data lies now, and how the result is printed */
export function resuming(command: Command, resume: string): { resume: string; moved: DataPaths } {
  const given = command.options.filter(
    (option) => command.getOptionValueSource(option.attributeName()) === "cli" && option.attributeName() !== "resume",
  );
  const names = given.map((option) => option.attributeName());
  const other = given.find((option) => ![...DATA_PATHS, ...FORMATS].some((name) => name === option.attributeName()));
  if (!other) {
    const values: Record<string, unknown> = command.opts();
    const moved = DATA_PATHS.filter((key) => names.includes(key)).map((key) => [key, values[key]]);
    return { resume, moved: settingsOf(Object.fromEntries(moved)) as DataPaths };
  }
  throw new UsageError(
    `--resume goes on with the run's own settings; leave out ${other.long}, or begin a new run with --out. Only ${DATA_PATHS.map(flagOf).join(", ")} may be named, where data has moved`,
  );
}

/** What the command line says, before what the config file says. */
export async function givenSettings(
  config: string | undefined,
  options: object,
  left: readonly SettingKey[] = [],
): Promise<PartialSettings> {
  const configured = config === undefined ? {} : await readConfig(config);
  const foreign = Object.keys(configured).find((key) => left.includes(key as SettingKey));
  if (foreign !== undefined)
    throw new UsageError(`${config} sets ${foreign}, which this command doesn't take; leave it out`);
  return settingsOver(configured, settingsOf(options as Record<string, unknown>, left));
}

/** Shows a run on standard error as it goes, and prints what came out: the first rank does. */
export async function showRun(
  work: (hooks: CompressionHooks) => Promise<CompletedRun>,
  options: FormatOptions,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<void> {
  const completed = await watched(work, exchange, signal);
  if (exchange.rank > 0) return;
  const { folder, settings, outcome } = completed;
  const format = tableFormat(options);
  if (options.json) process.stdout.write(`${toJson(resultOf(folder, settings, outcome), 2)}\n`);
  else process.stdout.write(renderEvaluation(outcome.rows, format));
  // What is read by machines is the table alone.
  const other = options.json || format !== "text" ? process.stderr : process.stdout;
  if (!options.json) other.write(describe(completed));
  for (const note of driftNotes(outcome.rows)) process.stderr.write(`note: ${note}\n`);
  writeNotes(outcome.rows);
}

/** A run with its progress on standard error: the first rank's. */
export async function watched(
  work: (hooks: CompressionHooks) => Promise<CompletedRun>,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<CompletedRun> {
  if (exchange.rank > 0) return work({ signal, exchange });
  const live = new LiveTraining();
  try {
    return await work({
      ...{ stage: withProgress, signal, exchange },
      note: (text) => process.stderr.write(`note: ${message(text)}\n`),
      onStep: (report) => live.step(report),
      onValidation: (rows, step) => live.validated(rows, step),
      onTrained: () => live.stop(),
    });
  } finally {
    live.stop();
  }
}

function describe({ folder, outcome: { students, progress } }: CompletedRun): string {
  const files = students.map(
    ({ width, files: written, difference, milliseconds }) =>
      `width ${width}: ${written.join(", ")} (differs from the training network by ${difference.toExponential(1)} of 255${milliseconds === undefined ? "" : `; ${milliseconds.toFixed(1)} ms an output`})\n`,
  );
  const best = `\nreport: ${join(folder, "report.html")}\nbest validation: ${progress.best?.psnr.toFixed(3)} dB at step ${progress.best?.step}\n`;
  return `${best}${files.join("")}`;
}
