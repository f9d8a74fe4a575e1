import { type Overrides, overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import type { SplitMode } from "@slimsr/core/internal/model/split.js";
import { DEVICES, type Device } from "@slimsr/upscaler/internal/engine/session.js";
import { Command, Option } from "commander";
import { type Dataset, type DatasetOptions, openDataset } from "../datasets/dataset.js";
import { distinctNames, setNames } from "../datasets/names.js";
import { parseRange } from "../datasets/range.js";
import { DEGRADATIONS } from "../degradations/degradation.js";
import type { Contender } from "../evaluation/contender.js";
import { type EvaluationRow, evaluate } from "../evaluation/evaluate.js";
import { evaluationJson, renderEvaluation } from "../evaluation/evaluation-table.js";
import { loadContenders, withRanges } from "../evaluation/load.js";
import { measurable } from "../evaluation/measurable.js";
import { borderOf } from "../evaluation/metric.js";
import { ownOf } from "../exchange/exchange.js";
import { toJson } from "../files/json.js";
import { message } from "../text/visible.js";
import { addOverrideOptions } from "./checkpoint-options.js";
import { addFormatOptions, type FormatOptions, tableFormat } from "./formats.js";
import { interruptible } from "./interrupt.js";
import { writeNotes } from "./notes.js";
import { withProgress } from "./progress.js";
import { required } from "./required.js";
import { shardIn, shardName, shardOption } from "./shard.js";
import { border as borderWidth, degradation, mebibytes, pixels, threads, widths } from "./values.js";

interface Options extends Overrides, FormatOptions {
  model: string[];
  data?: string[];
  input?: string;
  truth?: string;
  degrade?: string;
  metric?: "y" | "rgb";
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
  shard?: string;
  images?: boolean;
  save?: string;
  device: Device;
  threads?: number;
  memory?: number;
}

/** What help says of --degrade. */
const DEGRADE = `how the input is made of the images: ${DEGRADATIONS} (default: a set's own, or bicubic)`;

const EXAMPLES = `
Examples:
  slimsr evaluate --model assets/teachers/edsr_r8f64_x2.safetensors --data assets/held-out/Kodak
  slimsr evaluate --model assets/slim/carn_x2.safetensors --width 1,0.5,0.25 --data assets/held-out/Kodak --only 1 --markdown
  slimsr evaluate --model assets/slim/edsr_r8f64_x2.safetensors --data assets/calibration --only 1-2 --self-ensemble --save results
  slimsr evaluate --model assets/teachers/edsr_r8f64_x2.safetensors --data assets/held-out/Kodak --only 1 --degrade blur:1.2+bicubic
  slimsr evaluate --model assets/teachers/*.safetensors assets/slim/edsr_r8f64_x2.safetensors --data assets/calibration \\
    --only 1-3 --div2k --json

A network that restores images is measured on what --degrade makes of a set, as noise:25 or jpeg:40, or on --input and --truth, as folders of hazy and
clear images. PSNR is what the field measures, as the table's header says where it isn't the benchmarks' of super-resolution (of Y, without a border of the
scale): of restoration, that of RGB or of the grey image, whole; of Y in sets named after rain. A network of one channel that enlarges
gets Y, and the chroma is enlarged by bicubic; one that restores gets grey images. Noise is Gaussian, the same for an image in every
call, and neither rounded nor clipped where it comes last.
A folder of data is a set of its own name. It holds HR and LR_bicubic (the benchmarks' layout), GTmod12 and LRbicx2, hr and lr,
DIV2K's folders, img_SRF_2_HR.png beside img_SRF_2_LR.png, or just HR images, of which LR is made by MATLAB's bicubic. Bicubic's own row enlarges the same 8-bit LR images that the models get.
Times are those of the engine's runs, without reading images and measuring them; speed-ups are over width 1 in the same run.
MACs are those of a 1280×720 output.`;

/** `slimsr evaluate`: what models are worth on data sets, and what they cost. */
export function evaluateCommand(): Command {
  const command = new Command("evaluate");
  required(command, new Option("--model <file...>", "checkpoint (.safetensors, .pt, .pth) or .onnx"));
  command
    .option("--data <folder...>", "sets of images")
    .addOption(new Option("--degrade <steps>", DEGRADE).argParser(degradation))
    .addOption(new Option("--input <folder>", "degraded images, in place of --data").conflicts(["data", "degrade"]))
    .addOption(
      new Option("--truth <folder>", "with --input: the images they were, by the same names").conflicts("data"),
    );
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
    .addOption(new Option("--metric <colour>", "what PSNR is of").choices(["y", "rgb"]))
    .addOption(new Option("--rgb", "the same as --metric rgb").conflicts("metric"))
    .option(
      "--shave <pixels>",
      "border that is left out (default: the scale, none where images keep their size)",
      borderWidth,
    )
    .addOption(
      new Option("--div2k", "DIV2K's convention: RGB, a border of the scale + 6").conflicts(["shave", "metric"]),
    )
    .option("--only <range>", "these images only, such as 801-900")
    .addOption(shardOption("images of each set"))
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
  const { model, width, split } = options;
  const shard = shardIn(options.shard);
  const sources = sourcesOf(options);
  const modelNames = distinctNames(model, "--model");
  const names = setNames(
    sources.map(({ path, input }) => input ?? path),
    "--data",
  );
  const rows = await interruptible(async (signal) => {
    const note = (text: string) => process.stderr.write(`note: ${message(text)}\n`);
    const loading = { widths: width, split, note, signal, ...overridesOf(options) };
    const loaded = await Promise.all(model.map((path) => loadContenders(path, loading)));
    const models = loaded.flatMap((list, i) => list.map((each) => ({ ...each, name: modelNames[i] as string })));
    const { scale, grey } = commonImages(models);
    const border = options.shave ?? (options.div2k ? scale + 6 : borderOf(scale));
    const sets: Dataset[] = [];
    for (const [i, source] of sources.entries()) {
      const set = await openSet({ ...source, scale, grey }, border, options, signal);
      const pairs = shard ? ownOf(set.pairs, shard) : set.pairs;
      if (pairs.length > 0) sets.push({ ...set, pairs, name: names[i] as string });
    }
    if (sets.length === 0)
      throw new UsageError(`--shard ${options.shard}: no set has as many images; choose fewer parts`);
    const { contenders, notes } = await withRanges(models, { threads: options.threads, signal });
    for (const each of notes) note(each);
    return withProgress("evaluate", "images", (onProgress) =>
      evaluate(contenders, sets, {
        ...{ onProgress, signal, device: options.device, threads: options.threads, save: options.save },
        colour: options.rgb || options.div2k ? "rgb" : options.metric,
        border,
        niqe: options.niqe ?? false,
        selfEnsemble: options.selfEnsemble ?? false,
        memory: options.memory === undefined ? undefined : options.memory * 2 ** 20,
      }),
    );
  });
  // A part's mean isn't the set's.
  report(shard ? rows.map((row) => ({ ...row, set: `${row.set}, ${shardName(shard)}` })) : rows, options);
}

function report(rows: readonly EvaluationRow[], options: Options): void {
  const { json, images = false } = options;
  if (json) process.stdout.write(`${toJson(evaluationJson(rows, { images }), 2)}\n`);
  else process.stdout.write(renderEvaluation(rows, tableFormat(options), { images }));
  writeNotes(rows);
}

/** A set's folder, and where its inputs come from. */
type Source = Pick<DatasetOptions, "degrade" | "input"> & { readonly path: string };

/** @throws UsageError where nothing is to be measured on, or one folder of a pair is lacking */
function sourcesOf({ data, input, truth, degrade }: Options): Source[] {
  if (input !== undefined && truth !== undefined) return [{ path: truth, input }];
  if (input !== undefined || truth !== undefined) {
    throw new UsageError("--input and --truth go together: the folder of degraded images, and that of what they were");
  }
  if (data === undefined)
    throw new UsageError("say what to measure on: --data FOLDER, or --input FOLDER --truth FOLDER");
  return data.map((path) => ({ path, degrade }));
}

/** The scale that all have, and whether they take grey images. */
function commonImages(models: readonly Contender[]): { scale: number; grey: boolean } {
  const [first, ...rest] = models as [Contender, ...Contender[]];
  const odd = rest.find(({ scale }) => scale !== first.scale);
  if (odd) {
    throw new UsageError(
      `${first.name} magnifies ×${first.scale} and ${odd.name} ×${odd.scale}; evaluate each scale by itself`,
    );
  }
  const isGrey = (model: Contender) => colourSpaceOf(model) === "grey";
  const other = rest.find((model) => isGrey(model) !== isGrey(first));
  if (other) {
    const [grey, colour] = isGrey(first) ? [first, other] : [other, first];
    throw new UsageError(`${grey.name} takes grey images and ${colour.name} colour ones; evaluate each by itself`);
  }
  return { scale: first.scale, grey: isGrey(first) };
}

async function openSet(
  { path, ...source }: Source & Pick<DatasetOptions, "scale" | "grey">,
  border: number,
  options: Options,
  signal: AbortSignal,
): Promise<Dataset> {
  const { only, skipBad, maxPixels } = options;
  const range = only === undefined ? undefined : parseRange(only);
  const opened = await withProgress(`read ${path}`, "images", (onProgress) =>
    openDataset(path, { ...source, range, skipBad, maxPixels, onProgress, signal }),
  );
  const set = measurable(opened, border, skipBad);
  if (set.note !== undefined) process.stderr.write(`note: ${message(set.note)}\n`);
  for (const { reason } of set.skipped) process.stderr.write(`skipped ${message(reason)}\n`);
  return set;
}
