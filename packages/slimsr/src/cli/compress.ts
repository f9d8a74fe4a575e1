import { join } from "node:path";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { Command, Option } from "commander";
import { renderEvaluation } from "../evaluation/evaluation-table.js";
import {
  type CompletedRun,
  type Compression,
  type CompressionHooks,
  compress,
  type RunRequest,
} from "../runs/compress.js";
import { resultOf } from "../runs/finish.js";
import { PRESETS, type Preset } from "../runs/presets.js";
import { driftNotes } from "../runs/run-report.js";
import type { PartialSettings } from "../runs/settings.js";
import { interruptible } from "./interrupt.js";
import { LiveTraining } from "./live.js";
import { writeNotes } from "./notes.js";
import { withProgress } from "./progress.js";
import { addSettingsOptions, readConfig, type SettingKey, settingsOf } from "./settings-options.js";

interface Options {
  preset: Preset;
  config?: string;
  out?: string;
  resume?: string;
  json?: true;
}

const EXAMPLES = `
Examples:
  slimsr compress --teacher edsr_x2.pt --train photos --val Kodak24 --width 0.5 --out run
  slimsr compress --teacher carn_x2.pt --train DIV2K --train-range 1-800 --val DIV2K --val-range 801-810 --preset paper --out run
  slimsr compress --teacher edsr_x2.pt --train photos --val Kodak24 --method slice --steps 1500 --data Set5 Set14 --out run
  slimsr compress --resume run

The run's folder gets config.json, metrics.jsonl, TensorBoard events, checkpoints, samples, and at the end each student as
.safetensors and .onnx, and report.html. What the command line says goes before the config file, and that before the preset.
Ctrl-C saves after the step under way; --resume goes on exactly from there.`;

/** \`slimsr compress\`: the main job, from a teacher to trained students. */
export function compressCommand(): Command {
  const command = new Command("compress")
    .option("--out <folder>", "the run's folder")
    .option("--resume <folder>", "go on with an interrupted run, with the settings it has")
    .addOption(new Option("--preset <name>", "settings to start from").choices(PRESETS).default("cpu"))
    .option("--config <file>", "JSON file of settings, by the same names as here without dashes (learningRate)")
    .option("--json", "print JSON");
  return addSettingsOptions(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(options: Options, command: Command): Promise<void> {
  const request = options.resume === undefined ? await beginning(options) : resuming(command, options.resume);
  await showRun((hooks) => compress(request, hooks), options.json ?? false);
}

async function beginning({ out, preset, config, ...options }: Options): Promise<RunRequest<Compression>> {
  if (out === undefined) throw new UsageError(NO_FOLDER);
  return { out, preset, settings: await givenSettings(config, options, ["network"]), source: config };
}

export const NO_FOLDER = "name the run's folder: --out RUN, or --resume RUN to go on with one";

/** @throws UsageError where the command line says more: a run goes on with its own settings */
export function resuming(command: Command, resume: string): { resume: string } {
  const given = command.options.find(
    (option) =>
      !["resume", "json"].includes(option.attributeName()) &&
      command.getOptionValueSource(option.attributeName()) === "cli",
  );
  if (!given) return { resume };
  throw new UsageError(
    `--resume goes on with the run's own settings; leave out ${given.long}, or begin a new run with --out`,
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
  return { ...configured, ...settingsOf(options as Record<string, unknown>, left) };
}

/** Shows a run on standard error as it goes, and prints what came out. */
export async function showRun(work: (hooks: CompressionHooks) => Promise<CompletedRun>, json: boolean): Promise<void> {
  await interruptible(async (signal) => {
    const completed = await watched(work, signal);
    const { folder, settings, outcome } = completed;
    const result = json
      ? `${JSON.stringify(resultOf(folder, settings, outcome), undefined, 2)}\n`
      : describe(completed);
    process.stdout.write(result);
    for (const note of driftNotes(outcome.rows)) process.stderr.write(`note: ${note}\n`);
    writeNotes(outcome.rows);
  });
}

/** A run with its progress on standard error. */
export async function watched(
  work: (hooks: CompressionHooks) => Promise<CompletedRun>,
  signal: AbortSignal,
): Promise<CompletedRun> {
  const live = new LiveTraining();
  try {
    return await work({
      ...{ stage: withProgress, signal },
      onStep: (report) => live.step(report),
      onValidation: (rows) => live.validated(rows),
      onTrained: () => live.stop(),
    });
  } finally {
    live.stop();
  }
}

function describe({ folder, outcome: { students, rows, progress } }: CompletedRun): string {
  const files = students.map(
    ({ width, files: written, difference }) =>
      `width ${width}: ${written.join(", ")} (differs from the training network by ${difference.toExponential(1)} of 255)\n`,
  );
  const best = `report: ${join(folder, "report.html")}\nbest validation: ${progress.best?.psnr.toFixed(3)} dB at step ${progress.best?.step}\n`;
  return `${renderEvaluation(rows, "text")}\n${best}${files.join("")}`;
}
