import { readModel, writeModel } from "@slimsr/core/internal/formats/model-file.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import type { Dataset } from "../datasets/dataset.js";
import { readBytes } from "../files/checkpoints.js";
import { hasByteProducts } from "../quantisation/processor.js";
import { trainable } from "../quantisation/trainable.js";
import { ownParameters, studentOf } from "../training/learners.js";
import type { TrainerOptions } from "../training/trainer.js";
import type { RunFolder } from "./folder.js";
import type { RunHooks } from "./inputs.js";
import { roundingOf } from "./methods.js";
import type { Settings } from "./settings.js";
import { calibration, type StartingPoint } from "./start.js";

/** Patches that ranges are found on. */
const PATCHES = 48;

/** A student as it is trained with its roundings, in a run's folder: the graph, and what its parameters began with. */
const fileOf = (width: number): string => `checkpoints/quantised-w${width}.safetensors`;

/**
 * Students that round their numbers as integers would, in place of a run's own; the folder keeps them, for which integers an activation has depends on the
 * images. The same where nothing is rounded.
 * @throws NetworkError where nothing can be quantised
 */
export async function roundedStart(
  folder: RunFolder,
  { options, parameters }: StartingPoint<TrainerOptions>,
  training: Dataset,
  settings: Settings,
  { stage, signal, note }: RunHooks,
): Promise<StartingPoint<TrainerOptions>> {
  const rounding = roundingOf(settings);
  if (!rounding) return { options, parameters };
  if (rounding.bits === 8 && !hasByteProducts()) {
    note?.(
      "this machine's processor has no VNNI, or doesn't tell: products with weights of 8 bits may not fit its sums; those of 7 bits do",
    );
  }
  const quantised = new Map<number, Model>();
  for (const width of options.widths) {
    const student = studentOf(options, parameters, width);
    const patches = await calibration(training, student, PATCHES, settings.seed);
    const bytes = writeModel(await trainable(student, patches, { ...rounding, stage, signal }), fileOf(width));
    await folder.write(fileOf(width), bytes);
    // As it is when the run is taken up.
    quantised.set(width, readModel(bytes, fileOf(width)));
  }
  const started = new Map([...quantised].map(([width, model]) => [width, model.parameters]));
  return { options: { ...options, quantised }, parameters: ownParameters(started) };
}

/** The options of a run that is taken up, with the students that its folder keeps. */
export async function withKeptRoundings(
  folder: RunFolder,
  options: TrainerOptions,
  settings: Settings,
): Promise<TrainerOptions> {
  if (!roundingOf(settings)) return options;
  const quantised = new Map<number, Model>();
  for (const width of options.widths) {
    const file = folder.file(fileOf(width));
    quantised.set(width, readModel(await readBytes(file), file));
  }
  return { ...options, quantised };
}
