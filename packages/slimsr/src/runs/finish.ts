import { stateOf } from "@slimsr/core/internal/checkpoints/state.js";
import { RunError } from "@slimsr/core/internal/errors.js";
import { exportModel } from "@slimsr/core/internal/export/onnx.js";
import { inColourSpace } from "@slimsr/core/internal/images/colour.js";
import { colourSpaceOf, imageNames } from "@slimsr/core/internal/model/descriptor.js";
import { instantiate, type Model } from "@slimsr/core/internal/model/model.js";
import { float32 } from "@slimsr/upscaler/internal/engine/session.js";
import { createSession } from "../engine/session.js";
import { type Contender, contender, onnxContender } from "../evaluation/contender.js";
import { type EvaluationRow, evaluate, savedLabel } from "../evaluation/evaluate.js";
import { saveCheckpoint } from "../files/checkpoints.js";
import { toJson } from "../files/json.js";
import { saveModel } from "../files/models.js";
import { bitsFor } from "../quantisation/processor.js";
import { quantiseOn } from "../quantisation/quantise.js";
import { verify } from "../quantisation/verify.js";
import { latencyOf } from "../slimming/budgets/latency.js";
import { isShared, studentOf } from "../training/learners.js";
import type { RunHooks } from "./inputs.js";
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

/** Largest difference, of 255, of an exported model to the training network that counts as float rounding. */
const EXPORT_TOLERANCE = 0.05;

/**
 * Writes a trained run's students, from its best checkpoint, and measures them beside bicubic and the teacher. A run that trains
 * the teacher too also yields `slim.safetensors`: all widths in one file.
 * @throws RunError where an exported model doesn't compute what the training network does
 */
export async function finish(run: Run, hooks: RunHooks): Promise<Outcome> {
  const { folder, settings, options } = run;
  const { origin } = options.model.descriptor;
  const { state } = await loadState(folder, "best", run.state.parameters.length);
  // What the run took is known at its end; the best checkpoint may lie long before.
  const progress = await loadProgress(folder, "latest");
  const learned = learnedOf(run, state);
  const students: WrittenStudent[] = [];
  const integers: Contender[] = [];
  for (const width of options.widths) {
    const student = studentOf(options, learned, width);
    const written = await writeStudent(run, width, student);
    const quantised = settings.quantise ? await writeIntegers(run, width, student, hooks) : undefined;
    students.push(quantised ? { ...written, files: [...written.files, quantised.file] } : written);
    if (quantised) integers.push(quantised.contender);
  }
  if (isShared(options) && origin.kind === "network") {
    // Channels that a budget chose are no share of each layer's.
    const widths = [...new Set([1, ...(settings.width ?? [])])];
    const slim = { network: origin.network, parameters: stateOf(learned), widths };
    await saveCheckpoint(folder.file("slim.safetensors"), slim);
  }
  const models = [...teacherBefore(run), ...run.tutors, ...modelsOf(run, learned), ...integers];
  const rows = await measure(run, models, hooks);
  const bytes = Object.fromEntries(models.map((model) => [savedLabel(model), model.onnx.length]));
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

async function writeStudent(run: Run, width: number, student: Model): Promise<WrittenStudent> {
  const { folder, settings, options } = run;
  const name = studentLabel(width);
  const onnx = exportModel(student);
  const difference = await exportDifference(run, onnx, student);
  if (!(difference <= EXPORT_TOLERANCE)) {
    throw new RunError(`${name}: the exported model's output is ${difference} of 255 off the training network's`);
  }
  await folder.write(`${name}.onnx`, onnx);
  const isNetwork = student.descriptor.origin.kind === "network";
  if (isNetwork) await saveModel(folder.file(`${name}.safetensors`), student);
  const budget = budgetIn(settings);
  return {
    width,
    files: [...(isNetwork ? [folder.file(`${name}.safetensors`)] : []), folder.file(`${name}.onnx`)],
    difference,
    ...(options.channels && { channels: [...options.channels] }),
    ...(budget && "milliseconds" in budget && { milliseconds: await latencyOf(student, budget) }),
  };
}

/** Patches of validation images that a student in integers is compared with its simulation on. */
const COMPARED = 4;

/** A student in integers, calibrated on training images. */
async function writeIntegers(
  { folder, settings, training, validation }: Run,
  width: number,
  student: Model,
  { stage, signal }: RunHooks,
): Promise<{ file: string; contender: Contender }> {
  const label = `${studentLabel(width)}-int8`;
  const draw = () => calibration(training, student, INTEGER_PATCHES, settings.seed);
  const quantised = await quantiseOn(student, draw, { bits: bitsFor(undefined), stage, signal });
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

/** Largest difference between the deployable model and the network as it is trained, on a validation image. */
async function exportDifference(run: Run, onnx: Uint8Array, student: Model): Promise<number> {
  const image = await run.validation.centres.pairs[0]?.input();
  if (!image) throw new RunError("there is no validation image to check the exported model on");
  const { range } = student.descriptor;
  const { input, output } = imageNames(student.descriptor);
  const { planes, height, width, data } = inColourSpace(colourSpaceOf(student.descriptor), image);
  const pixels = Float32Array.from(data, (value) => (value * range) / 255);
  const lr = float32(pixels, [1, planes, height, width]);
  const [exported, trained] = await Promise.all(
    [onnx, instantiate(student, lr.shape, { input, output })].map(async (source) => {
      const session = await createSession(source);
      const { outputs } = await session.run({ [input]: lr });
      await session.close();
      return outputs[output]?.data as Float32Array;
    }),
  );
  if (!exported || exported.length !== trained?.length) throw new RunError("the exported model yields another size");
  const worst = exported.reduce((most, value, i) => Math.max(most, Math.abs(value - (trained[i] as number))), 0);
  return (worst * 255) / range;
}
