import { basename, dirname } from "node:path";
import { type Overrides, overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { InterruptedError, UsageError } from "@slimsr/core/internal/errors.js";
import { Command, type Command as CommandType, Option } from "commander";
import { openDataset } from "../datasets/dataset.js";
import { setNames } from "../datasets/names.js";
import { contender } from "../evaluation/contender.js";
import { evaluate } from "../evaluation/evaluate.js";
import { evaluationJson, evaluationNotes, renderEvaluation } from "../evaluation/evaluation-table.js";
import { makeFolder } from "../files/folders.js";
import { toJson } from "../files/json.js";
import { loadModel, saveModel } from "../files/models.js";
import { ALIGNMENTS, type Alignment } from "../slimming/alignment/basis.js";
import type { Budget } from "../slimming/budgets/allocate.js";
import { type SlimOptions, slim } from "../slimming/slim.js";
import { addOverrideOptions } from "./checkpoint-options.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";
import { count, percentage, positiveNumber, reduction, widths } from "./values.js";

interface Options extends Overrides {
  teacher: string;
  out: string;
  width?: number[];
  budget?: Budget;
  macs?: Budget;
  ms?: number;
  train?: string;
  calibrationPatches: number;
  refit: boolean;
  init: Alignment;
  data?: string[];
  json?: true;
}

const EXAMPLES = `
Examples:
  slimsr slim --teacher assets/teachers/edsr_r8f64_x2.safetensors --width 0.5 --data assets/held-out/Kodak --out student.safetensors
  slimsr slim --teacher assets/teachers/edsr_r8f64_x2.safetensors --width 0.75,0.5,0.25 --train assets/calibration \\
    --calibration-patches 192 --out students
  slimsr slim --teacher assets/teachers/edsr_r8f64_x2.safetensors --macs 25% --out quarter.safetensors
  slimsr slim --teacher student.onnx --budget 4x --out slim.onnx

Each student is written as .safetensors and as a deployable .onnx; several widths get -w0.5 and so on behind OUT's name.
Students need no training, and are where training best begins. Calibration images are taken for HR; by default crops
of 18 photographs that come with slimsr are used.`;

/** \`slimsr slim\`: narrower students of a network, in closed form. */
export function slimCommand(): CommandType {
  const command = new Command("slim")
    .requiredOption("--teacher <file>", "checkpoint (.safetensors, .pt, .pth) or .onnx")
    .requiredOption("--out <file>", "student to write, such as student.safetensors")
    .addOption(
      new Option("--width <list>", "shares of every layer's channels, such as 0.5 or 0.75,0.5").argParser(
        widths("0.5 or 0.75,0.5"),
      ),
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
        .argParser(positiveNumber)
        .conflicts(["width", "budget", "macs"]),
    )
    .option("--train <path>", "folder of images to calibrate on (default: photographs that come with slimsr)")
    .addOption(
      new Option("--calibration-patches <number>", "patches of 32×32 LR pixels to calibrate on")
        .argParser(count)
        .default(48),
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
  const { teacher: file, data = [], json, train, calibrationPatches: patches, init, refit, width } = options;
  const outputs = outputsOf(options);
  for (const { path } of outputs) await makeOutputFolder(dirname(path));
  const teacher = await loadModel(file, overridesOf(options));
  const endings = teacher.descriptor.origin.kind === "network" ? [".safetensors", ".onnx"] : [".onnx"];
  await interruptible(async (signal) => {
    const { scale } = teacher.descriptor;
    const names = setNames(data, "--data");
    const sets = await Promise.all(
      data.map(async (path, i) => ({ ...(await openDataset(path, { scale, signal })), name: names[i] as string })),
    );
    for (const { note } of sets) if (note !== undefined) process.stderr.write(`note: ${note}\n`);
    const written = outputs.map(({ label, path }) => ({ label, files: endings.map((ending) => `${path}${ending}`) }));
    let done = 0;
    const { difference, students } = await slim(teacher, {
      ...(width && { widths: width }),
      ...budgetOf(options),
      ...(train !== undefined && { calibration: train }),
      ...{ patches, alignment: init, refit, stage: withProgress, signal },
      onStudent: async ({ model }) => {
        for (const path of written[done++]?.files ?? []) await saveModel(path, model);
      },
    }).catch((error: unknown) => {
      if (signal.aborted) throw new InterruptedError("interrupted; students that are complete have been written");
      throw error;
    });
    const made = students.map((student, i) => ({ ...student, ...(written[i] as (typeof written)[number]) }));
    const models = [
      contender(basename(file), 1, teacher),
      ...made.map(({ label, width, model }) => contender(label, width, model)),
    ];
    const rows =
      sets.length === 0
        ? []
        : await withProgress("evaluate", "images", (onProgress) => evaluate(models, sets, { onProgress, signal }));
    if (json) {
      const described = made.map(({ label, width, files, channels, seconds }, i) => ({
        ...{ label, width, files, channels, seconds },
        ...models[i + 1]?.cost,
      }));
      const report = { teacher: file, difference, students: described, rows: evaluationJson(rows) };
      process.stdout.write(`${toJson(report, 2)}\n`);
      return;
    }
    process.stdout.write(
      `aligned teacher: output differs from the original's by ${difference.toExponential(1)} of its range\n`,
    );
    made.forEach(({ files, seconds }, i) => {
      const { parameters = 0, macs = 0 } = models[i + 1]?.cost ?? {};
      const costs = `${parameters.toLocaleString("en")} parameters, ${(macs / 1e9).toFixed(1)} G MACs`;
      process.stdout.write(`${files.join(", ")}: ${costs}, made in ${seconds.toFixed(1)} s\n`);
    });
    if (rows.length > 0) process.stdout.write(`\n${renderEvaluation(rows, "text")}`);
    for (const note of evaluationNotes(rows)) process.stderr.write(`note: ${note}\n`);
  });
}

const budgetOf = ({ budget, macs, ms }: Options): Pick<SlimOptions, "budget"> => {
  const limit = budget ?? macs ?? (ms === undefined ? undefined : { milliseconds: ms });
  return limit ? { budget: limit } : {};
};

/** Before any work is done, so that a path that can't be is an error at once. */
async function makeOutputFolder(folder: string): Promise<void> {
  await makeFolder(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`folder ${folder} can't be made (${error.code}); name another with --out`);
  });
}

/** Students to make: their names in tables, and their files' paths without ending. */
function outputsOf({ out, width, budget, macs, ms }: Options): { label: string; path: string }[] {
  const stem = out.replace(/\.(safetensors|onnx)$/i, "");
  if (/\.pth?$/i.test(out)) {
    throw new UsageError(`${out}: students are written as .safetensors and .onnx; slimsr convert makes a .pt of one`);
  }
  if (stem === "" || stem.endsWith("/"))
    throw new UsageError(`${out} is no file name; give one such as student.safetensors`);
  if (budget || macs || ms !== undefined) return [{ label: basename(stem), path: stem }];
  if (!width) throw new UsageError("say how slim: --width 0.5, --budget 4x, --macs 25% or --ms 40");
  return width.map((each) => {
    const path = width.length > 1 ? `${stem}-w${each}` : stem;
    return { label: basename(path), path };
  });
}
