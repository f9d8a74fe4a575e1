import { overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { Command, Option } from "commander";
import { evaluationNotes, renderEvaluation } from "../evaluation/evaluation-table.js";
import { loadCheckpoint } from "../files/checkpoints.js";
import { finish, type Outcome, resultOf } from "../runs/finish.js";
import { openRun, type Run } from "../runs/open.js";
import { PRESETS, type Preset, presetSettings } from "../runs/presets.js";
import { driftNotes } from "../runs/run-report.js";
import { type PartialSettings, resolveSettings, type Settings } from "../runs/settings.js";
import { type StepReport, train } from "../runs/training-loop.js";
import { interruptible } from "./interrupt.js";
import { LiveTraining } from "./live.js";
import { withProgress } from "./progress.js";
import { addSettingsOptions, readConfig, settingsOf } from "./settings-options.js";

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
    .description("train compact students of a super-resolution network, and measure them")
    .option("--out <folder>", "the run's folder")
    .option("--resume <folder>", "go on with an interrupted run, with the settings it has")
    .addOption(new Option("--preset <name>", "settings to start from").choices(PRESETS).default("cpu"))
    .option("--config <file>", "JSON file of settings, by the same names as here without dashes (learningRate)")
    .option("--json", "print JSON");
  return addSettingsOptions(command).addHelpText("after", EXAMPLES).action(compress);
}

async function compress(options: Options): Promise<void> {
  const settings = await settingsFor(options);
  const folder = options.resume ?? options.out;
  if (folder === undefined) throw new UsageError("name the run's folder: --out RUN, or --resume RUN to go on with one");
  await runToTheEnd(folder, settings, options.json ?? false);
}

/** A new run's settings; undefined for one that is resumed. */
async function settingsFor(options: Options): Promise<Settings | undefined> {
  if (options.resume === undefined) return (await newSettings(options))();
  const named = settingsOf(options as unknown as Record<string, unknown>);
  const [given] = [...Object.keys(named), ...(["out", "config"] as const).filter((key) => options[key] !== undefined)];
  if (given === undefined) return undefined;
  throw new UsageError(
    `--resume goes on with the run's own settings; leave out ${given}, or begin a new run with --out`,
  );
}

/**
 * What the command line, the config file and the preset say, in this order; yields the settings of a run in which some are
 * given besides, by a `source` that errors name.
 */
export async function newSettings(
  options: Pick<Options, "preset" | "config">,
): Promise<(own?: PartialSettings, source?: string) => Settings> {
  const configured = options.config === undefined ? {} : await readConfig(options.config);
  const named = { ...configured, ...settingsOf(options as unknown as Record<string, unknown>) };
  const { teacher } = named;
  if (teacher === undefined) throw new UsageError("name the network to compress: --teacher FILE");
  const { network } = await loadCheckpoint(teacher, overridesOf(named));
  return (own = {}, source = options.config ?? "settings") => {
    const given = { ...named, ...own };
    const preset = presetSettings(options.preset, network.scale, given);
    return resolveSettings({ ...preset, ...given }, source);
  };
}

/** Trains a run to its end and prints what came out. */
export async function runToTheEnd(folder: string, settings: Settings | undefined, json: boolean): Promise<void> {
  await interruptible(async (signal) => {
    const { run, outcome } = await completeRun(folder, settings, signal);
    process.stdout.write(json ? `${JSON.stringify(resultOf(run, outcome), undefined, 2)}\n` : describe(run, outcome));
    for (const note of [...driftNotes(outcome.rows), ...evaluationNotes(outcome.rows)]) {
      process.stderr.write(`note: ${note}\n`);
    }
  });
}

/** Trains a run to its end, with progress on standard error. */
export async function completeRun(
  folder: string,
  settings: Settings | undefined,
  signal: AbortSignal,
): Promise<{ run: Run; outcome: Outcome }> {
  const hooks = { stage: withProgress, signal };
  const run = await openRun(folder, settings, hooks);
  const live = new LiveTraining();
  try {
    const onStep = (report: StepReport) => live.step(report);
    await train(run, { signal, onStep, onValidation: (rows) => live.validated(rows) });
    live.stop();
    return { run, outcome: await finish(run, hooks) };
  } finally {
    live.stop();
    await run.folder.release();
  }
}

function describe({ folder }: Run, { students, rows, progress }: Outcome): string {
  const files = students.map(
    ({ width, files: [file, onnx], difference }) =>
      `width ${width}: ${file}, ${onnx} (differs from the training network by ${difference.toExponential(1)} of 255)\n`,
  );
  const best = `report: ${folder.file("report.html")}\nbest validation: ${progress.best?.psnr.toFixed(3)} dB at step ${progress.best?.step}\n`;
  return `${renderEvaluation(rows, "text")}\n${best}${files.join("")}`;
}
