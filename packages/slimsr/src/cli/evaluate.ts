import { type Overrides, overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import type { SplitMode } from "@slimsr/core/internal/model/split.js";
import { DEVICES, type Device } from "@slimsr/upscaler/internal/session.js";
import { Command, Option } from "commander";
import { type Dataset, openDataset } from "../datasets/dataset.js";
import { distinctNames, setNames } from "../datasets/names.js";
import { parseRange } from "../datasets/range.js";
import type { Contender } from "../evaluation/contender.js";
import { type EvaluationRow, evaluate } from "../evaluation/evaluate.js";
import { evaluationJson, renderEvaluation } from "../evaluation/evaluation-table.js";
import { loadContenders } from "../evaluation/load.js";
import { measurable } from "../evaluation/measurable.js";
import { toJson } from "../files/json.js";
import { message } from "../text/visible.js";
import { addOverrideOptions } from "./checkpoint-options.js";
import { addFormatOptions, type FormatOptions, tableFormat } from "./formats.js";
import { interruptible } from "./interrupt.js";
import { writeNotes } from "./notes.js";
import { withProgress } from "./progress.js";
import { required } from "./required.js";
import { border as borderWidth, mebibytes, pixels, threads, widths } from "./values.js";

interface Options extends Overrides, FormatOptions {
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

A folder of data is a set of its own name. It holds HR and LR_bicubic (the benchmarks' layout), GTmod12 and LRbicx2, hr and lr,
DIV2K's folders, img_SRF_2_HR.png beside img_SRF_2_LR.png, or just HR images, of which LR is made by MATLAB's bicubic. Bicubic's own row enlarges the same 8-bit LR images that the models get.
Times are those of the engine's runs, without reading images and measuring them; speed-ups are over width 1 in the same run.
MACs are those of a 1280×720 output.`;

/** `slimsr evaluate`: what models are worth on data sets, and what they cost. */
export function evaluateCommand(): Command {
  const command = new Command("evaluate");
  required(command, new Option("--model <file...>", "checkpoint (.safetensors, .pt, .pth) or .onnx"));
  required(command, new Option("--data <folder...>", "sets of images"));
  command.option(
    "--width <list>",
    "shares of the channels, such as 1,0.5,0.25 (default: the file's own, or 1)",
    widths("1,0.5"),
  );
  addOverrideOptions(command)
    .addOption(
      new Option("--split <mode>", "how narrower widths split layers over concatenated features").choices([
        "aligned",
        "official",
      ]),
    )
    .option("--self-ensemble", 'average over the eight turned and flipped images ("+")')
    .option("--niqe", "measure NIQE too")
    .option("--rgb", "PSNR of RGB instead of Y")
    .option("--shave <pixels>", "border that is left out (default: the scale)", borderWidth)
    .addOption(new Option("--div2k", "DIV2K's convention: RGB, a border of the scale + 6").conflicts("shave"))
    .option("--only <range>", "these images only, such as 801-900")
    .option("--skip-bad", "go on without images that cannot be used, and list them")
    .option("--max-pixels <number>", "largest image to accept, in pixels (default: 52 million)", pixels)
    .option("--images", "list each image")
    .option("--save <folder>", "write the images, as SET/MODEL/name.png");
  return addFormatOptions(command)
    .addOption(new Option("--device <device>", "where to run").choices(DEVICES).default("cpu"))
    .option("--threads <number>", "threads within an operator (default: all cores)", threads)
    .option(
      "--memory <MiB>",
      "memory for activations; larger images are computed in tiles (default: 1024, and half of the machine's where tiles would change the result)",
      mebibytes,
    )
    .addHelpText("after", EXAMPLES)
    .action(run);
}

async function run(options: Options): Promise<void> {
  const { model, data, width, split } = options;
  const loading = { widths: width, split, ...overridesOf(options) };
  const modelNames = distinctNames(model, "--model");
  const names = setNames(data, "--data");
  const loaded = await Promise.all(model.map((path) => loadContenders(path, loading)));
  const models = loaded.flatMap((list, i) => list.map((each) => ({ ...each, name: modelNames[i] as string })));
  const magnification = commonScale(models);
  const border = options.shave ?? (options.div2k ? magnification + 6 : magnification);
  const rows = await interruptible(async (signal) => {
    const sets: Dataset[] = [];
    for (const [i, path] of data.entries()) {
      sets.push({ ...(await openSet(path, magnification, border, options, signal)), name: names[i] as string });
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

function report(rows: readonly EvaluationRow[], options: Options): void {
  const { json, images = false } = options;
  if (json) process.stdout.write(`${toJson(evaluationJson(rows, { images }), 2)}\n`);
  else process.stdout.write(renderEvaluation(rows, tableFormat(options), { images }));
  writeNotes(rows);
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
  if (set.note !== undefined) process.stderr.write(`note: ${message(set.note)}\n`);
  for (const { reason } of set.skipped) process.stderr.write(`skipped ${message(reason)}\n`);
  return set;
}
