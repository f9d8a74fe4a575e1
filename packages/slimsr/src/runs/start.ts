import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { countsAtWidth, materialise, splitChannels } from "@slimsr/core/internal/model/split.js";
import { initialParameters, type Parameters } from "@slimsr/core/internal/networks/index.js";
import { inRange, type Patches } from "../calibration/batches.js";
import { calibrationSize } from "../calibration/patch-size.js";
import type { Dataset } from "../datasets/dataset.js";
import { PatchSampler } from "../datasets/patch-sampler.js";
import { randomNumbers } from "../random.js";
import { alignTeacher, slimTeacher } from "../slimming/aligned-teacher.js";
import { requireSlimmable } from "../slimming/slimmable.js";
import type { Stage } from "../stage.js";
import { isShared, type LearnerOptions, learnedShapes, ownParameters } from "../training/learners.js";
import type { Settings } from "./settings.js";

/**
 * The parameters that training starts from: all that it moves, under the names of `learnedShapes`.
 * @param teacher the full network; undefined where everything is random
 */
export async function startingParameters(
  options: LearnerOptions,
  teacher: Model | undefined,
  settings: Settings,
  training: Dataset,
  stage: Stage,
  signal: AbortSignal | undefined,
): Promise<Parameters> {
  const { widths, split } = options;
  const shared = isShared(options);
  const { init, seed } = settings;
  if (!teacher || init === "random") return initialParameters(learnedShapes(options), randomNumbers(seed));
  if (init === "plain") {
    if (shared) return teacher.parameters;
    return ownParameters(
      new Map(widths.map((width) => [width, materialise(teacher.parameters, splitChannels(teacher, width, split))])),
    );
  }
  requireSlimmable(teacher);
  const patches = inRange(teacher.descriptor, await calibration(training, teacher, settings));
  const aligned = await stage("align", "batches", (onProgress) =>
    alignTeacher(teacher, patches, "balanced", {
      onProgress: (_, done, total) => onProgress(done, total),
      signal,
    }),
  );
  if (shared) return aligned.model.parameters;
  const students = new Map<number, Parameters>();
  for (const width of widths) {
    const counts = countsAtWidth(channelAnalysis(teacher).groups, width);
    const student = await stage(`refit width ${width}`, "convolutions", (onProgress) =>
      slimTeacher(aligned, counts, patches, true, { onProgress: (_, done, total) => onProgress(done, total), signal }),
    );
    students.set(width, student.parameters);
  }
  return ownParameters(students);
}

/** Patches, in 0..255, of those training images that have room for one, or, where none has, as large as the largest image has room for. */
export async function calibration(
  training: Dataset,
  { descriptor }: Model,
  { calibrationPatches, seed }: Pick<Settings, "calibrationPatches" | "seed">,
): Promise<Patches> {
  const wanted = calibrationSize(descriptor, calibrationPatches);
  const room = training.pairs.reduce((most, { decoded: { lr } }) => Math.max(most, Math.min(lr.width, lr.height)), 0);
  const { side, count } = room < wanted.side ? { side: room, count: calibrationPatches } : wanted;
  const space = colourSpaceOf(descriptor);
  const sampler = new PatchSampler(training, { side, batch: count, seed, skipBad: true, space, ahead: 0 });
  try {
    const { lr } = await sampler.batch(0);
    return { count, height: side, width: side, data: lr };
  } finally {
    await sampler.close();
  }
}
