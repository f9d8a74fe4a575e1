import { basename, dirname } from "node:path";
import { type Overrides, overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { stateOf } from "@slimsr/core/internal/checkpoints/state.js";
import { CheckpointError, InterruptedError, UsageError } from "@slimsr/core/internal/errors.js";
import { exportOnnx } from "@slimsr/core/internal/export/onnx.js";
import { type Model, networkModel } from "@slimsr/core/internal/model/model.js";
import { countsAtWidth } from "@slimsr/core/internal/model/split.js";
import type { NetworkOptions, Parameters } from "@slimsr/core/internal/networks/index.js";
import { Command, type Command as CommandType, InvalidArgumentError, Option } from "commander";
import { EMBEDDED_IMAGES } from "../assets.js";
import { calibrationPatches, type PatchOptions } from "../calibration/patches.js";
import { openDataset } from "../datasets/dataset.js";
import { evaluate } from "../evaluation/evaluate.js";
import { evaluationJson, evaluationNotes, renderEvaluation } from "../evaluation/evaluation-table.js";
import { type EvaluatedModel, evaluatedModel } from "../evaluation/model.js";
import { writeAtomic } from "../files/atomic.js";
import { loadCheckpoint, saveCheckpoint } from "../files/checkpoints.js";
import { makeFolder } from "../files/folders.js";
import { ALIGNMENTS, type Alignment } from "../slimming/alignment/basis.js";
import { allocate, type Budget, MEASURING_PATCHES } from "../slimming/budgets/allocate.js";
import { latencyBudget } from "../slimming/budgets/latency.js";
import { type AlignedTeacher, alignTeacher, type SlimmingProgress, slimTeacher } from "../slimming/slim.js";
import { addOverrideOptions } from "./checkpoint-options.js";
import { isOnnxFile, loadImportedModel } from "./imported-model.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";

interface Options extends Overrides {
  teacher: string;
  output: string;
  width?: number[];
  budget?: Budget;
  macs?: Budget;
  ms?: number;
  calibrate?: string;
  patches: number;
  refit: boolean;
  init: Alignment;
  data?: string[];
  json?: true;
}

interface Teacher {
  readonly model: Model;
  readonly parameters: Parameters;
  /** Undefined for an imported graph, whose students are written as ONNX only. */
  readonly network: NetworkOptions | undefined;
}

/** A slimmed network, and how it came about. */
interface Student {
  readonly label: string;
  readonly width: number;
  readonly files: readonly string[];
  readonly channels: readonly number[];
  readonly parameters: Parameters;
  readonly seconds: number;
}

const EXAMPLES = `
Examples:
  slimsr slim --teacher edsr_x2.pt --width 0.5 -o student.safetensors --data Set5 Set14
  slimsr slim --teacher carn_x2.pt --width 0.75,0.5,0.25 --calibrate photos --patches 192 -o students
  slimsr slim --teacher edsr_x2.pt --macs 25% -o student.safetensors
  slimsr slim --teacher anyone.onnx --budget 4x -o slim.onnx

Each student is written as .safetensors and as a deployable .onnx; several widths get -w0.5 and so on behind OUT's name.
Students need no training, and are where training best begins. Calibration images are taken for HR; by default crops
of 24 photographs that come with slimsr are used.`;

/** \`slimsr slim\`: narrower students of a network, in closed form. */
export function slimCommand(): CommandType {
  const command = new Command("slim")
    .description("make a network narrower without training: align its channels, keep the first, refit by least squares")
    .requiredOption("--teacher <file>", "checkpoint (.safetensors, .pt, .pth) or .onnx")
    .requiredOption("-o, --output <out>", "student to write, such as student.safetensors")
    .addOption(
      new Option("--width <list>", "shares of every layer's channels, such as 0.5 or 0.75,0.5").argParser(widths),
    )
    .addOption(
      new Option("--budget <factor>", "so many times fewer parameters, such as 4x; each layer's width is chosen")
        .argParser(reduction)
        .conflicts("width"),
    )
    .addOption(
      new Option("--macs <share>", "this share of the multiply-accumulates, such as 25%; each layer's width is chosen")
        .argParser(percentage)
        .conflicts(["width", "budget"]),
    )
    .addOption(
      new Option("--ms <milliseconds>", "this long for a 1280×720 output on this machine; each layer's width is chosen")
        .argParser(positive)
        .conflicts(["width", "budget", "macs"]),
    )
    .option("--calibrate <folder>", "images to calibrate on (default: photographs that come with slimsr)")
    .addOption(
      new Option("--patches <number>", "patches of 32×32 LR pixels to calibrate on").argParser(count).default(48),
    )
    .option("--no-refit", "slice only")
    .addOption(
      new Option("--init <alignment>", "what is done to channels first").choices(ALIGNMENTS).default("balanced"),
    )
    .option("--data <folder...>", "sets of images to measure teacher and students on")
    .option("--json", "print JSON");
  return addOverrideOptions(command).addHelpText("after", EXAMPLES).action(run);
}

async function run(options: Options): Promise<void> {
  const { teacher: file, data = [], json } = options;
  const teacher = await loadTeacher(file, options);
  const scale = (teacher.model.output.shape[2] as number) / (teacher.model.image.shape[2] as number);
  await interruptible(async (signal) => {
    const sets = await Promise.all(data.map((path) => openDataset(path, { scale, signal })));
    const { aligned, students } = await slim(teacher, scale, options, signal).catch((error: unknown) => {
      if (signal.aborted) throw new InterruptedError("interrupted; students that are complete have been written");
      throw error;
    });
    const named = (name: string, width: number, parameters: Parameters): EvaluatedModel =>
      evaluatedModel(name, width, teacher.model, parameters);
    const models = [
      named(basename(file), 1, teacher.parameters),
      ...students.map(({ label, width, parameters }) => named(label, width, parameters)),
    ];
    const rows =
      sets.length === 0
        ? []
        : await withProgress("evaluate", "images", (onProgress) => evaluate(models, sets, { onProgress, signal }));
    if (json) {
      const described = students.map(({ parameters: _, ...student }, i) => ({ ...student, ...models[i + 1]?.cost }));
      const report = { teacher: file, difference: aligned.difference, students: described, rows: evaluationJson(rows) };
      process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
      return;
    }
    process.stdout.write(
      `aligned teacher: output differs from the original's by ${aligned.difference.toExponential(1)} of its range\n`,
    );
    students.forEach(({ files, seconds }, i) => {
      const { parameters = 0, macs = 0 } = models[i + 1]?.cost ?? {};
      const costs = `${parameters.toLocaleString("en")} parameters, ${(macs / 1e9).toFixed(1)} G MACs`;
      process.stdout.write(`${files.join(", ")}: ${costs}, made in ${seconds.toFixed(1)} s\n`);
    });
    if (rows.length > 0) process.stdout.write(`\n${renderEvaluation(rows, "text")}`);
    for (const note of evaluationNotes(rows)) process.stderr.write(`note: ${note}\n`);
  });
}

async function loadTeacher(file: string, options: Options): Promise<Teacher> {
  if (!isOnnxFile(file)) {
    const { network, parameters } = await loadCheckpoint(file, overridesOf(options));
    return { model: networkModel(network), parameters, network };
  }
  const { model, parameters } = await loadImportedModel(file);
  if (model.analysis.groups.length === 0) {
    throw new CheckpointError(`${file} has no channels that could be dropped; choose a model with convolutions`);
  }
  return { model, parameters, network: undefined };
}

async function slim(
  { model, parameters, network }: Teacher,
  scale: number,
  options: Options,
  signal: AbortSignal,
): Promise<{ aligned: AlignedTeacher; students: Student[] }> {
  const { calibrate = EMBEDDED_IMAGES, patches: wanted, init, refit, width } = options;
  const names = outputsOf(options);
  for (const { path } of names) await makeOutputFolder(dirname(path));
  const draw = (label: string, choice: Omit<PatchOptions, "scale">) =>
    withProgress(label, "patches", (onPatch) => calibrationPatches(calibrate, { scale, ...choice, onPatch, signal }));
  const patches = await draw("calibration images", { count: wanted });
  const start = performance.now();
  const staged = <T>(label: string, unit: string, work: (progress: SlimmingProgress) => Promise<T>) =>
    withProgress(label, unit, (onProgress) =>
      work({ signal, onProgress: (_, done, total) => onProgress(done, total) }),
    );
  const aligned = await staged("align", "batches", (progress) =>
    alignTeacher(model, parameters, patches, init, progress),
  );
  const chooseWidths = async () => {
    const measuring = await draw("measuring images", { count: MEASURING_PATCHES, seed: 1 });
    return staged("choose widths", "allocations", async (progress) =>
      allocate(aligned, await budgetOf(options, aligned), patches, measuring, progress),
    );
  };
  const preparation = (performance.now() - start) / 1000;
  const students: Student[] = [];
  for (const [i, { label, path, each }] of names.entries()) {
    const begun = performance.now();
    const channels = each === undefined ? await chooseWidths() : countsAtWidth(model.analysis.groups, each);
    const student = await staged(`refit ${label}`, "convolutions", (progress) =>
      slimTeacher(aligned, channels, patches, refit, progress),
    );
    const seconds = preparation + (performance.now() - begun) / 1000;
    const files = await writeStudent(path, { model, network }, student);
    students.push({
      label,
      width: width?.[i] ?? shareOf(model, channels),
      files,
      channels,
      parameters: student,
      seconds,
    });
  }
  return { aligned, students };
}

async function budgetOf({ budget, macs, ms }: Options, aligned: AlignedTeacher): Promise<Budget> {
  return budget ?? macs ?? latencyBudget(aligned, ms as number);
}

/** The mean share of channels that is kept. */
function shareOf({ analysis }: Model, channels: readonly number[]): number {
  const whole = analysis.groups.reduce((sum, { size }) => sum + size, 0);
  return Number((channels.reduce((a, b) => a + b, 0) / whole).toFixed(3));
}

/** Before any work is done, so that a path that can't be is an error at once. */
async function makeOutputFolder(folder: string): Promise<void> {
  await makeFolder(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`folder ${folder} can't be made (${error.code}); name another with --output`);
  });
}

/** Students to make: their names in tables, their files' paths without ending, and their widths unless a budget decides. */
function outputsOf({ output, width, budget, macs, ms }: Options): { label: string; path: string; each?: number }[] {
  const stem = output.replace(/\.(safetensors|onnx)$/i, "");
  if (/\.pth?$/i.test(output)) {
    throw new UsageError(
      `${output}: students are written as .safetensors and .onnx; slimsr convert makes a .pt of one`,
    );
  }
  if (stem === "" || stem.endsWith("/"))
    throw new UsageError(`${output} is no file name; give one such as student.safetensors`);
  if (budget || macs || ms !== undefined) return [{ label: basename(stem), path: stem }];
  if (!width) throw new UsageError("say how slim: --width 0.5, --budget 4x, --macs 25% or --ms 40");
  return width.map((each) => {
    const path = width.length > 1 ? `${stem}-w${each}` : stem;
    return { label: basename(path), path, each };
  });
}

async function writeStudent(
  path: string,
  { model, network }: Omit<Teacher, "parameters">,
  parameters: Parameters,
): Promise<string[]> {
  const onnx = exportOnnx(model, parameters, network ? { network: JSON.stringify(network) } : {});
  try {
    await writeAtomic(`${path}.onnx`, onnx);
  } catch (error) {
    throw new CheckpointError(`${path}.onnx cannot be written: ${(error as Error).message}`, { cause: error });
  }
  if (!network) return [`${path}.onnx`];
  await saveCheckpoint(`${path}.safetensors`, { network, parameters: stateOf(parameters) });
  return [`${path}.safetensors`, `${path}.onnx`];
}

function widths(text: string): number[] {
  const list = [...new Set(text.split(",").map(Number))];
  if (list.every((width) => width > 0 && width <= 1)) return list;
  throw new InvalidArgumentError("Widths are shares of the channels above 0 and up to 1, such as 0.5 or 0.75,0.5.");
}

function reduction(text: string): Budget {
  const factor = Number(/^(\d+(?:\.\d+)?)x?$/i.exec(text)?.[1]);
  if (factor >= 1) return { of: "parameters", share: 1 / factor };
  throw new InvalidArgumentError("It must be a factor from 1, such as 4x.");
}

function percentage(text: string): Budget {
  const share = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]) / 100;
  if (share > 0 && share <= 1) return { of: "macs", share };
  throw new InvalidArgumentError("It must be a percentage above 0 and up to 100, such as 25%.");
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("It must be a positive number.");
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}
