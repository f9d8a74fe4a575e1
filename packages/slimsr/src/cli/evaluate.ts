import { basename, dirname, resolve } from "node:path";
import { type Overrides, overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import type { SplitMode } from "@slimsr/core/internal/model/split.js";
import { DEVICES, type Device } from "@slimsr/upscaler/internal/session.js";
import { Command, Option } from "commander";
import { type Dataset, openDataset } from "../datasets/dataset.js";
import { parseRange } from "../datasets/range.js";
import type { Contender } from "../evaluation/contender.js";
import { type EvaluationRow, evaluate } from "../evaluation/evaluate.js";
import { evaluationJson, evaluationNotes, renderEvaluation } from "../evaluation/evaluation-table.js";
import { loadContenders } from "../evaluation/load.js";
import { measurable } from "../evaluation/measurable.js";
import { addOverrideOptions } from "./checkpoint-options.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";
import { positiveInteger, wholeNumber, widths } from "./values.js";

interface Options extends Overrides {
  model: string[];
  data: string[];
  width?: number[];
  split?: SplitMode;
  selfEnsemble?: true;
  niqe?: true;
  rgb?: true;
  div2k?: true;
  shave?: number;
  only?: string;
  skipBad?: true;
  maxPixels?: number;
  images?: boolean;
  save?: string;
  json?: true;
  csv?: true;
  markdown?: true;
  device: Device;
  threads?: number;
  memory?: number;
}

const EXAMPLES = `
Examples:
  slimsr evaluate --model assets/teachers/edsr_r8f64_x2.safetensors --data assets/held-out/Kodak
  slimsr evaluate --model assets/slim/carn_x2.safetensors --width 1,0.5,0.25 --data assets/held-out/Kodak --only 1 --markdown
  slimsr evaluate --model assets/slim/edsr_r8f64_x2.safetensors --data assets/calibration --only 1-2 --self-ensemble --save results
  slimsr evaluate --model assets/teachers/*.safetensors assets/slim/edsr_r8f64_x2.safetensors --data assets/calibration \\
    --only 1-3 --div2k --json

A folder of data is a set of its own name. It holds HR and LR_bicubic (the benchmarks' layout), DIV2K's folders, or just HR
images, of which LR is made by MATLAB's bicubic. Bicubic's own row enlarges the same 8-bit LR images that the models get.
Times are those of the engine's runs, without reading images and measuring them; speed-ups are over width 1 in the same run.
MACs are those of a 1280×720 output.`;

/** `slimsr evaluate`: what models are worth on data sets, and what they cost. */
export function evaluateCommand(): Command {
  const command = new Command("evaluate")
    .requiredOption("--model <file...>", "checkpoint (.safetensors, .pt, .pth) or .onnx")
    .requiredOption("--data <folder...>", "sets of images")
    .option(
      "--width <list>",
      "shares of the channels, such as 1,0.5,0.25 (default: the file's own, or 1)",
      widths("1,0.5"),
    );
  return addOverrideOptions(command)
    .addOption(
      new Option("--split <mode>", "how narrower widths split layers over concatenated features").choices([
        "aligned",
        "official",
      ]),
    )
    .option("--self-ensemble", 'average over the eight turned and flipped images ("+")')
    .option("--niqe", "measure NIQE too")
    .option("--rgb", "PSNR of RGB instead of Y")
    .option("--shave <pixels>", "border that is left out (default: the scale)", wholeNumber)
    .addOption(new Option("--div2k", "DIV2K's convention: RGB, a border of the scale + 6").conflicts("shave"))
    .option("--only <range>", "these images only, such as 801-900")
    .option("--skip-bad", "go on without images that cannot be used, and list them")
    .option("--max-pixels <number>", "largest image to accept, in pixels (default: 52 million)", positiveInteger)
    .option("--images", "list each image")
    .option("--save <folder>", "write the images, as SET/MODEL/name.png")
    .addOption(new Option("--json", "print JSON").conflicts(["csv", "markdown"]))
    .addOption(new Option("--csv", "print CSV").conflicts(["json", "markdown"]))
    .addOption(new Option("--markdown", "print a Markdown table").conflicts(["json", "csv"]))
    .addOption(new Option("--device <device>", "where to run").choices(DEVICES).default("cpu"))
    .option("--threads <number>", "threads within an operator (default: all cores)", positiveInteger)
    .option(
      "--memory <MiB>",
      "memory for activations; larger images are computed in tiles (default: 1024, and half of the machine's where tiles would change the result)",
      positiveInteger,
    )
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { model, data, width, split } = options;
  const loading = { widths: width, split, ...overridesOf(options) };
  const [modelNames, setNames] = [namesOf(model, "--model"), namesOf(data, "--data")];
  const loaded = await Promise.all(model.map((path) => loadContenders(path, loading)));
  const models = loaded.flatMap((list, i) => list.map((each) => ({ ...each, name: modelNames[i] as string })));
  const magnification = commonScale(models);
  const border = options.shave ?? (options.div2k ? magnification + 6 : magnification);
  const rows = await interruptible(async (signal) => {
    const sets: Dataset[] = [];
    for (const [i, path] of data.entries()) {
      sets.push({ ...(await openSet(path, magnification, border, options, signal)), name: setNames[i] as string });
    }
    return withProgress("evaluate", "images", (onProgress) =>
      evaluate(models, sets, {
        ...{ onProgress, signal, device: options.device, threads: options.threads, save: options.save },
        colour: options.rgb || options.div2k ? "rgb" : "y",
        border,
        niqe: options.niqe ?? false,
        selfEnsemble: options.selfEnsemble ?? false,
        memory: options.memory === undefined ? undefined : options.memory * 2 ** 20,
      }),
    );
  });
  report(rows, options);
}

function report(rows: readonly EvaluationRow[], { json, csv, markdown, images = false }: Options): void {
  const notes = evaluationNotes(rows).map((note) => `note: ${note}\n`);
  if (json) process.stdout.write(`${JSON.stringify(evaluationJson(rows, { images }), undefined, 2)}\n`);
  else process.stdout.write(renderEvaluation(rows, csv ? "csv" : markdown ? "markdown" : "text", { images }));
  if (notes.length === 0) return;
  if (json || csv) process.stderr.write(notes.join(""));
  else process.stdout.write(`\n${notes.join("\n")}`);
}

function commonScale(models: readonly Contender[]): number {
  const [first, ...rest] = models as [Contender, ...Contender[]];
  const odd = rest.find(({ scale }) => scale !== first.scale);
  if (!odd) return first.scale;
  throw new UsageError(
    `${first.name} magnifies ×${first.scale} and ${odd.name} ×${odd.scale}; evaluate each scale by itself`,
  );
}

async function openSet(
  path: string,
  scale: number,
  border: number,
  options: Options,
  signal: AbortSignal,
): Promise<Dataset> {
  const { only, skipBad, maxPixels } = options;
  const range = only === undefined ? undefined : parseRange(only);
  const opened = await withProgress(`read ${path}`, "images", (onProgress) =>
    openDataset(path, { scale, range, skipBad, maxPixels, onProgress, signal }),
  );
  const set = measurable(opened, border, skipBad);
  for (const { reason } of set.skipped) process.stderr.write(`skipped ${reason}\n`);
  return set;
}

/**
 * What paths are called in tables: by their last part, or the last two where that tells them apart.
 * @throws UsageError where two are the same
 */
function namesOf(paths: readonly string[], option: string): string[] {
  const whole = paths.map((path) => resolve(path));
  const last = whole.map((path) => basename(path));
  const names = whole.map((path, i) => {
    const name = last[i] as string;
    return last.indexOf(name) === last.lastIndexOf(name) ? name : `${basename(dirname(path))}/${name}`;
  });
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`${option}: two are called ${twice}; rename one, or leave it out`);
  return names;
}
