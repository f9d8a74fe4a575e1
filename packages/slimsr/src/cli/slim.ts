import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { type Overrides, overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { InterruptedError, UsageError } from "@slimsr/core/internal/errors.js";
import { quantisedFile } from "@slimsr/core/internal/formats/model-file.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { DEVICES, type Device } from "@slimsr/upscaler/internal/engine/session.js";
import { Command, type Command as CommandType, Option } from "commander";
import { settleModel } from "../calibration/settle-range.js";
import { openDataset } from "../datasets/dataset.js";
import { setNames } from "../datasets/names.js";
import { DEGRADATIONS } from "../degradations/degradation.js";
import { contender, onnxContender } from "../evaluation/contender.js";
import { evaluate } from "../evaluation/evaluate.js";
import { evaluationJson, renderEvaluation } from "../evaluation/evaluation-table.js";
import { measurable } from "../evaluation/measurable.js";
import { borderOf } from "../evaluation/metric.js";
import type { Exchange } from "../exchange/exchange.js";
import { makeFolder } from "../files/folders.js";
import { toJson } from "../files/json.js";
import { loadNoted, saveModel, writeBytes } from "../files/models.js";
import { systemReason } from "../files/system-reason.js";
import { quantiseVerified, type VerifiedQuantised } from "../quantisation/verified.js";
import { showSpeed } from "../quantisation/verify.js";
import { settingsSchema } from "../runs/settings.js";
import { ALIGNMENTS, type Alignment } from "../slimming/alignment/basis.js";
import { budgetOf } from "../slimming/budgets/texts.js";
import { type SlimOptions, slim } from "../slimming/slim.js";
import { silent } from "../stage.js";
import { message } from "../text/visible.js";
import { addOverrideOptions } from "./checkpoint-options.js";
import { writeNotes } from "./notes.js";
import { withProgress } from "./progress.js";
import { required } from "./required.js";
import { settingOption } from "./settings-options.js";
import { together } from "./together.js";
import { degradation, iterations, patches, threads, widths } from "./values.js";

interface Options extends Overrides {
  teacher: string;
  out: string;
  width?: number[];
  budget?: string;
  macs?: string;
  ms?: number;
  at?: string;
  device?: Device;
  threads?: number;
  train?: string;
  trainInput?: string;
  degrade?: string;
  calibrationPatches: number;
  refit: boolean;
  gaussNewton?: number;
  init: Alignment;
  belowBicubic?: true;
  quantise?: true;
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

Each student is written as .safetensors and as a deployable .onnx, that of an ONNX teacher as .onnx alone; several widths get -w0.5 and so on behind OUT's name.
A network that restores images is calibrated on what --degrade makes of them, as noise:25, or on a folder of its inputs.
Students need no training, and are where training best begins. Calibration images are taken for HR; by default crops
of 18 photographs that come with slimsr are used.`;

/** \`slimsr slim\`: narrower students of a network, in closed form. */
export function slimCommand(): CommandType {
  const command = new Command("slim");
  required(command, new Option("--teacher <file>", "checkpoint (.safetensors, .pt, .pth) or .onnx"));
  required(command, new Option("--out <file>", "student to write, such as student.safetensors"));
  command
    .addOption(
      new Option("--width <list>", "shares of every layer's channels, such as 0.5 or 0.75,0.5").argParser(
        widths("0.5 or 0.75,0.5"),
      ),
    )
    .addOption(settingOption("budget"))
    .addOption(settingOption("macs"))
    .addOption(settingOption("ms"))
    .addOption(settingOption("at"))
    .addOption(new Option("--device <device>", "with --ms: where it is run (default: cpu)").choices(DEVICES))
    .option("--threads <number>", "with --ms: threads within an operator (default: all cores)", threads)
    .option("--train <path>", "folder of images to calibrate on (default: photographs that come with slimsr)")
    .option("--train-input <path>", "folder of their inputs, by the same names, where they aren't made of them")
    .addOption(
      new Option("--degrade <steps>", `how inputs are made of images: ${DEGRADATIONS} (default: bicubic)`).argParser(
        degradation,
      ),
    )
    .addOption(
      new Option("--calibration-patches <number>", "patches of 32×32 LR pixels to calibrate on")
        .argParser(patches)
        .default(48),
    )
    .option("--no-refit", "slice only")
    .addOption(
      new Option(
        "--gauss-newton <iterations>",
        "how often all convolutions are improved together, once each is refitted; 0 for not at all (default: 5, with --no-refit 0)",
      ).argParser(iterations),
    )
    .addOption(
      new Option("--init <alignment>", "what is done to channels first").choices(ALIGNMENTS).default("balanced"),
    )
    .option("--below-bicubic", settingsSchema.shape.belowBicubic.description)
    .option(
      "--quantise",
      "write each student in integers too, as -int8.onnx, and as -int8.safetensors where OUT ends so; see slimsr quantise",
    )
    .option("--data <folder...>", "sets of images to measure teacher and students on")
    .option("--json", "print JSON");
  return addOverrideOptions(command).addHelpText("after", EXAMPLES).action(run);
}

const run = (options: Options): Promise<void> =>
  together((exchange, signal) => slimTogether(options, exchange, signal));

/** All ranks make the same students; the first one writes and tells. */
async function slimTogether(options: Options, exchange: Exchange, signal: AbortSignal): Promise<void> {
  const {
    teacher: file,
    data = [],
    json,
    train,
    trainInput,
    degrade,
    calibrationPatches,
    init,
    refit,
    gaussNewton,
    width,
    belowBicubic = false,
    quantise = false,
  } = options;
  if (trainInput !== undefined && train === undefined) {
    throw new UsageError("--train-input holds the inputs of the images in --train; name those too");
  }
  if (!refit && gaussNewton)
    throw new UsageError("--gauss-newton starts from refitted convolutions; leave out --no-refit");
  const outputs = outputsOf(options);
  const budget = givenBudget(options);
  const { model: teacher, notes } = await loadNoted(file, overridesOf(options));
  const isFirst = exchange.rank === 0;
  const note = (text: string) => {
    if (isFirst) process.stderr.write(`note: ${message(text)}\n`);
  };
  for (const each of notes) note(each);
  const endings = endingsFor(teacher, options.out);
  const written = outputs.map(({ label, path }) => {
    const own = endings.map((ending) => `${path}${ending}`);
    const inIntegers = quantise ? endingsAsked(options.out).map((ending) => `${path}${INTEGERS}${ending}`) : [];
    return { label, own, inIntegers, files: [...own, ...inIntegers] };
  });
  for (const path of written.flatMap(({ files }) => files)) await requireWritable(path, file);
  const { scale } = teacher.descriptor;
  const grey = colourSpaceOf(teacher.descriptor) === "grey";
  const names = setNames(data, "--data");
  const opened = await Promise.all(
    data.map(async (path, i) => ({
      ...(await openDataset(path, { scale, grey, degrade, signal })),
      name: names[i] as string,
    })),
  );
  for (const set of opened) if (set.note !== undefined) note(set.note);
  const sets = opened.map((set) => measurable(set, borderOf(scale)));
  let done = 0;
  const integers: { readonly label: string; readonly made: VerifiedQuantised }[] = [];
  const settled = await settleModel(teacher, { signal });
  if (settled.note !== undefined) note(settled.note);
  const { difference, students } = await slim(settled.model, {
    ...(width && { widths: width }),
    ...(budget && { budget }),
    ...(train !== undefined && { calibration: train }),
    ...(trainInput === undefined ? { degrade } : { input: trainInput }),
    ...{ patches: calibrationPatches, alignment: init, refit, belowBicubic, signal, exchange, note },
    ...(gaussNewton !== undefined && { gaussNewton }),
    stage: isFirst ? withProgress : silent,
    onStudent: async ({ model }) => {
      if (!isFirst) return;
      const { label = "", own = [], inIntegers = [] } = written[done++] ?? {};
      for (const path of own) await saveModel(path, model);
      if (!quantise) return;
      const made = await quantiseVerified(model, {
        ...(train !== undefined && { calibration: train }),
        ...(trainInput === undefined ? { degrade } : { input: trainInput }),
        ...{ patches: calibrationPatches, stage: withProgress, signal },
      });
      for (const path of inIntegers) await writeBytes(path, quantisedFile(made.onnx, path));
      integers.push({ label: `${label}${INTEGERS}`, made });
    },
  }).catch((error: unknown) => {
    if (signal.aborted) throw new InterruptedError("interrupted; students that are complete have been written");
    throw error;
  });
  if (!isFirst) return;
  const made = students.map((student, i) => ({ ...student, ...(written[i] as (typeof written)[number]) }));
  const models = [
    contender(basename(file), 1, settled.model),
    ...made.map(({ label, width, model }) => contender(label, width, model)),
    ...integers.map(({ label, made: each }, i) => ({
      ...onnxContender(label, each.onnx),
      width: made[i]?.width ?? 1,
    })),
  ];
  const rows =
    sets.length === 0
      ? []
      : await withProgress("evaluate", "images", (onProgress) => evaluate(models, sets, { onProgress, signal }));
  if (json) {
    const described = made.map(({ label, width, files, channels, seconds, milliseconds }, i) => ({
      ...{ label, width, files, channels, seconds, ...(milliseconds !== undefined && { milliseconds }) },
      ...models[i + 1]?.cost,
      ...(integers[i] && { quantised: { bits: integers[i].made.bits, ...integers[i].made.verification } }),
    }));
    const report = { teacher: file, difference, students: described, rows: evaluationJson(rows) };
    process.stdout.write(`${toJson(report, 2)}\n`);
    writeNotes(rows);
    return;
  }
  process.stdout.write(
    `aligned teacher: output differs from the original's by ${difference.toExponential(1)} of its range\n`,
  );
  made.forEach(({ files, seconds, milliseconds }, i) => {
    const { parameters = 0, macs = 0 } = models[i + 1]?.cost ?? {};
    const costs = `${parameters.toLocaleString("en")} parameters, ${(macs / 1e9).toFixed(1)} G MACs`;
    const time = milliseconds === undefined ? "" : `, ${milliseconds.toFixed(1)} ms an output`;
    process.stdout.write(`${files.join(", ")}: ${costs}${time}, made in ${seconds.toFixed(1)} s\n`);
  });
  for (const { label, made: each } of integers) process.stdout.write(`${label}: ${showSpeed(each)}\n`);
  if (rows.length > 0) process.stdout.write(`\n${renderEvaluation(rows, "text")}`);
  writeNotes(rows);
  for (const note of new Set(integers.flatMap(({ made: each }) => each.notes))) {
    process.stderr.write(`note: ${note}\n`);
  }
}

/** What a student in integers has behind its name. */
const INTEGERS = "-int8";

/** @throws UsageError for options that only a budget of time has */
function givenBudget({ device, threads, ...given }: Options): SlimOptions["budget"] {
  const [where] = Object.entries({ device, threads }).filter(([, value]) => value !== undefined);
  if (where && given.ms === undefined) {
    throw new UsageError(`--${where[0]} says where --ms is measured; give that, or leave it out`);
  }
  return budgetOf(given, { ...(device && { device }), ...(threads && { threads }) });
}

/** The student of an ONNX teacher is a checkpoint too where it is asked for as one. */
const endingsFor = ({ descriptor: { origin } }: Model, output: string): string[] =>
  origin.kind === "network" ? [".safetensors", ".onnx"] : endingsAsked(output);

/** Of a student that is read from ONNX, or in integers. */
const endingsAsked = (output: string): string[] =>
  /\.safetensors$/i.test(output) ? [".safetensors", ".onnx"] : [".onnx"];

/** Before any work is done, so that a path that can't be is an error at once. */
async function requireWritable(path: string, teacher: string): Promise<void> {
  const folder = dirname(path);
  await makeFolder(folder).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`folder ${folder} can't be made (${error.code}); name another with --out`);
  });
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new UsageError(`${path} can't be written: ${systemReason(error)}; name another with --out`);
  });
  if (resolve(path) === resolve(teacher)) {
    throw new UsageError(`${path} is the teacher, which would be lost; name another with --out`);
  }
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) throw new UsageError(`${path} is a folder; name another file with --out`);
}

/** Students to make: their names in tables, and their files' paths without ending. */
function outputsOf({ out, width, budget, macs, ms }: Options): { label: string; path: string }[] {
  const stem = out.replace(/\.(safetensors|onnx)$/i, "");
  if (/\.pth?$/i.test(out)) {
    throw new UsageError(`${out}: students are written as .safetensors and .onnx; slimsr convert makes a .pt of one`);
  }
  if (stem === "" || stem.endsWith("/"))
    throw new UsageError(`${out} is no file name; give one such as student.safetensors`);
  if (budget ?? macs ?? ms) return [{ label: basename(stem), path: stem }];
  if (!width) throw new UsageError("say how slim: --width 0.5, --budget 4x, --macs 25% or --ms 40");
  return width.map((each) => {
    const path = width.length > 1 ? `${stem}-w${each}` : stem;
    return { label: basename(path), path };
  });
}
