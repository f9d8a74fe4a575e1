import { stateOf } from "@slimsr/core/internal/checkpoints/state.js";
import { exportModel } from "@slimsr/core/internal/export/onnx.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { integerModel } from "@slimsr/core/internal/quantisation/stored.js";
import { calibrationSize } from "../calibration/patch-size.js";
import { type Contender, contender, onnxContender } from "../evaluation/contender.js";
import { type EvaluationRow, evaluate, savedLabel } from "../evaluation/evaluate.js";
import { saveCheckpoint } from "../files/checkpoints.js";
import { toJson } from "../files/json.js";
import { saveModel } from "../files/models.js";
import { bitsFor, likelyCause } from "../quantisation/processor.js";
import { quantiseOn } from "../quantisation/quantise.js";
import { TOLERANCE, verify } from "../quantisation/verify.js";
import { latencyOf } from "../slimming/budgets/latency.js";
import { withstandingExtremes } from "../slimming/extremes.js";
import { isShared, studentOf } from "../training/learners.js";
import { differenceOf, requireLike } from "./export-difference.js";
import type { RunHooks } from "./inputs.js";
import { roundingOf } from "./methods.js";
import type { Run } from "./open.js";
import { type Outcome, RESULT, resultOf, type WrittenStudent } from "./result.js";
import { runReport } from "./run-report.js";
import { setDigests } from "./sets.js";
import { budgetIn } from "./settings.js";
import { calibration } from "./start.js";
import { loadProgress, loadState } from "./state.js";
import { modelsOf, studentLabel, TEACHER_BEFORE } from "./trained-networks.js";
import { learnedOf } from "./training-loop.js";

/** Patches that a student in integers is calibrated on. */
const INTEGER_PATCHES = 48;

/**
 * Writes a trained run's students, from its best checkpoint, and measures them beside bicubic and the teacher. A run that trains
 * the teacher too also yields `slim.safetensors`: all widths in one file.
 * @throws RunError where an exported model doesn't compute what the training network does
 */
export async function finish(run: Run, hooks: RunHooks): Promise<Outcome> {
  const { folder, settings, options } = run;
  const { origin } = options.model.descriptor;
  const { state } = await loadState(folder, "best", run.state.parameters.length);
  if (state.step === 0) {
    hooks.note?.(
      "no step was better on the validation images than what training began with, which is what is written: take more --steps, or a lower --learning-rate",
    );
  }
  // What the run took is known at its end; the best checkpoint may lie long before.
  const progress = await loadProgress(folder, "latest");
  const learned = learnedOf(run, state);
  const students: WrittenStudent[] = [];
  const integers: Contender[] = [];
  const measured: Model[] = [];
  for (const width of options.widths) {
    const trained = studentOf(options, learned, width);
    const student = await withstanding(trained, run.teacher, width, hooks);
    measured.push(student);
    const written = await writeStudent(run, width, student, trained);
    const quantised = await inIntegers(run, width, student, hooks);
    students.push(quantised ? { ...written, files: [...written.files, quantised.file] } : written);
    if (quantised) integers.push(quantised.contender);
  }
  if (isShared(options) && origin.kind === "network") {
    // Channels that a budget chose are no share of each layer's.
    const widths = [...new Set([1, ...(settings.width ?? [])])];
    const slim = { network: origin.network, parameters: stateOf(learned), widths };
    await saveCheckpoint(folder.file("slim.safetensors"), slim);
  }
  const models = [...teacherBefore(run), ...run.tutors, ...modelsOf(run, learned, measured), ...integers];
  const rows = await measure(run, models, hooks);
  const bytes = Object.fromEntries(models.map((model) => [savedLabel(model), model.bytes]));
  const outcome: Outcome = { progress, students, rows, sets: setDigests(run.sets), bytes };
  // The charts' library is large; only here is it needed.
  const { renderReport } = await import("../report/run-page.js");
  await folder.write("report.html", renderReport(await runReport(run, outcome, models)));
  await folder.write(RESULT, `${toJson(resultOf(folder.path, settings, outcome), 2)}\n`);
  return outcome;
}

const teacherBefore = ({ teacher }: Run): Contender[] => (teacher ? [contender(TEACHER_BEFORE, 1, teacher)] : []);

async function measure(run: Run, models: readonly Contender[], { stage, signal }: RunHooks): Promise<EvaluationRow[]> {
  const { settings, sets } = run;
  const { device, threads } = settings;
  return stage("measure", "images", (onProgress) => evaluate(models, sets, { device, threads, onProgress, signal }));
}

/** A trained student as it is written: one that runs on any image, as far as it can be had. */
async function withstanding(
  trained: Model,
  teacher: Model | undefined,
  width: number,
  { note }: RunHooks,
): Promise<Model> {
  const { side } = calibrationSize(trained.descriptor, 1);
  const { model, notes } = await withstandingExtremes(trained, teacher, { height: side, width: side });
  for (const each of notes) note?.(`student of width ${width}: ${each}`);
  return model;
}

/** @param trained the student as training has it, with which its file is compared */
async function writeStudent(run: Run, width: number, student: Model, trained: Model): Promise<WrittenStudent> {
  const { folder, settings, options } = run;
  const name = studentLabel(width);
  const onnx = exportModel(student);
  const difference = await requireLike(run, name, onnx, trained);
  await folder.write(`${name}.onnx`, onnx);
  const rounding = roundingOf(settings);
  // A network that was read from ONNX is one again; a graph of the run's own, and ranges that it learnt, go on from a file that can be trained on.
  const isNetwork = trained.descriptor.origin.kind === "network" || options.own !== undefined;
  if (isNetwork) await saveModel(folder.file(`${name}.safetensors`), student);
  const budget = budgetIn(settings);
  return {
    width,
    files: [...(isNetwork ? [folder.file(`${name}.safetensors`)] : []), folder.file(`${name}.onnx`)],
    difference,
    ...(rounding && { bits: { weights: rounding.bits, activations: rounding.activationBits } }),
    ...(options.channels && { channels: [...options.channels] }),
    ...(budget && "milliseconds" in budget && { milliseconds: await latencyOf(student, budget) }),
  };
}

/** Patches of validation images that a student in integers is compared with its simulation on. */
const COMPARED = 4;

/** A student in integers, where the run is asked for it or trains it so; none where this machine computes them otherwise than they say. */
function inIntegers(
  run: Run,
  width: number,
  student: Model,
  hooks: RunHooks,
): Promise<{ file: string; contender: Contender } | undefined> {
  const { settings } = run;
  const rounding = roundingOf(settings);
  if (rounding) return writeTrainedIntegers(run, width, student, rounding.bits, hooks);
  return settings.quantise ? writeIntegers(run, width, student, hooks) : Promise.resolve(undefined);
}

/** A student in the integers that it was trained with. */
async function writeTrainedIntegers(
  run: Run,
  width: number,
  student: Model,
  bits: number,
  { note }: RunHooks,
): Promise<{ file: string; contender: Contender } | undefined> {
  const label = `${studentLabel(width)}-int${bits}`;
  const onnx = integerModel(student);
  const difference = await differenceOf(run, onnx, student);
  if (!(difference.rms <= TOLERANCE)) {
    note?.(
      `${label}.onnx is not written: on this machine it yields something else than it stands for, ${difference.rms.toFixed(2)} levels of 255 on average${likelyCause("weights of 7 bits fit these, --bits 7")}`,
    );
    return undefined;
  }
  await run.folder.write(`${label}.onnx`, onnx);
  const file = run.folder.file(`${label}.onnx`);
  return { file, contender: { ...onnxContender(`student-int${bits}`, onnx), width } };
}

/** A student in integers, calibrated on training images. */
async function writeIntegers(
  { folder, settings, training, validation }: Run,
  width: number,
  student: Model,
  { stage, signal }: RunHooks,
): Promise<{ file: string; contender: Contender }> {
  const label = `${studentLabel(width)}-int8`;
  const draw = () => calibration(training, student, INTEGER_PATCHES, settings.seed);
  const quantised = await quantiseOn(student, draw, { bits: bitsFor(), stage, signal });
  const pairs = validation.centres.pairs.slice(0, COMPARED).map(async (pair) => {
    const [input, lr, hr] = await Promise.all([pair.input(), pair.lr(), pair.hr()]);
    return { input, lr, hr };
  });
  await verify(quantised, await Promise.all(pairs), settings.threads);
  await folder.write(`${label}.onnx`, quantised.onnx);
  return {
    file: folder.file(`${label}.onnx`),
    contender: { ...onnxContender("student-int8", quantised.onnx), width },
  };
}
