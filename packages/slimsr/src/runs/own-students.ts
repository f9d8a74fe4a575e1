import { mergedModel } from "@slimsr/core/internal/export/deployable.js";
import { readModel, writeModel } from "@slimsr/core/internal/formats/model-file.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import type { Dataset } from "../datasets/dataset.js";
import { readBytes } from "../files/checkpoints.js";
import { hasByteProducts } from "../quantisation/processor.js";
import { trainable } from "../quantisation/trainable.js";
import { equalise } from "../slimming/alignment/equalise.js";
import { ownParameters, studentOf } from "../training/learners.js";
import type { TrainerOptions } from "../training/trainer.js";
import type { RunFolder } from "./folder.js";
import type { RunHooks } from "./inputs.js";
import { isMergeable, roundingOf } from "./methods.js";
import type { Settings } from "./settings.js";
import { calibration, type StartingPoint } from "./start.js";

/** Patches that ranges are found on. */
const PATCHES = 48;

/** A student's graph as it is trained, in a run's folder, and what its parameters began with. */
const fileOf = (width: number): string => `checkpoints/own-w${width}.safetensors`;

/**
 * Students as graphs of their own, where a run trains them merged or with roundings; the folder keeps them, for what they are depends on the images that they
 * were made with. The same where they are what the teacher's graph is.
 * @throws NetworkError where nothing can be quantised
 */
export async function asOwnGraphs(
  folder: RunFolder,
  start: StartingPoint<TrainerOptions>,
  training: Dataset,
  settings: Settings,
  hooks: RunHooks,
): Promise<StartingPoint<TrainerOptions>> {
  const graphOf = graphMaker(training, settings, hooks);
  if (!graphOf) return start;
  const own = new Map<number, Model>();
  for (const width of start.options.widths) {
    const model = await graphOf(studentOf(start.options, start.parameters, width));
    if (!model) return start;
    const bytes = writeModel(model, fileOf(width));
    await folder.write(fileOf(width), bytes);
    // As it is when the run is taken up.
    own.set(width, readModel(bytes, fileOf(width)));
  }
  const started = new Map([...own].map(([width, model]) => [width, model.parameters]));
  return { options: { ...start.options, own }, parameters: ownParameters(started) };
}

type GraphMaker = (student: Model) => Model | undefined | Promise<Model>;

function graphMaker(training: Dataset, settings: Settings, { stage, signal, note }: RunHooks): GraphMaker | undefined {
  const rounding = roundingOf(settings);
  if (!rounding) return settings.merge && isMergeable(settings) ? merge : undefined;
  if (rounding.bits === 8 && !hasByteProducts()) {
    note?.(
      "this machine's processor has no VNNI, or doesn't tell: products with weights of 8 bits may not fit its sums; those of 7 bits do",
    );
  }
  return async (student) => {
    const patches = await calibration(training, student, PATCHES, settings.seed);
    return trainable(student, patches, { ...rounding, stage, signal });
  };
}

/** Weights of alike size are what Adam can begin from; merging multiplies them. */
function merge(student: Model): Model | undefined {
  const model = mergedModel(student);
  return model && equalise(model).model;
}

/** The options of a run that is taken up, with the graphs of students that its folder keeps. */
export async function withOwnGraphs(folder: RunFolder, options: TrainerOptions): Promise<TrainerOptions> {
  const own = new Map<number, Model>();
  for (const width of options.widths) {
    if (!(await folder.has(fileOf(width)))) return options;
    const file = folder.file(fileOf(width));
    own.set(width, readModel(await readBytes(file), file));
  }
  return { ...options, own };
}
