import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { countsAtWidth, materialise } from "@slimsr/core/internal/model/split.js";
import { initialParameters, type Parameters } from "@slimsr/core/internal/networks/index.js";
import { inRange, type Patches } from "../calibration/batches.js";
import { calibrationSize } from "../calibration/patch-size.js";
import type { Dataset } from "../datasets/dataset.js";
import { PatchSampler } from "../datasets/patch-sampler.js";
import { randomNumbers } from "../random.js";
import { type AlignedTeacher, alignTeacher, type SlimmingProgress } from "../slimming/aligned-teacher.js";
import { allocate, type Budget, MEASURING_PATCHES } from "../slimming/budgets/allocate.js";
import { fittedStudent } from "../slimming/fitted-student.js";
import { requireSlimmable } from "../slimming/slimmable.js";
import { isShared, type LearnerOptions, learnedShapes, ownParameters, splitOf } from "../training/learners.js";
import { type RunHooks, type RunInputs, withChannels } from "./inputs.js";
import type { Settings } from "./settings.js";

/** What training starts from: its options, with the channels that a budget chose, and all that it moves, under the names of `learnedShapes`. */
export interface StartingPoint<Options extends LearnerOptions> {
  readonly options: Options;
  readonly parameters: Parameters;
}

/** A teacher in aligned channels, and what it was aligned on. */
interface Calibrated {
  readonly aligned: AlignedTeacher;
  readonly patches: Patches;
}

/**
 * @param teacher the full network; undefined where everything is random
 * @throws NetworkError where nothing can be dropped
 */
export async function startingPoint<Options extends LearnerOptions>(
  {
    options,
    limit,
    training,
    network,
  }: Pick<RunInputs, "limit" | "training" | "network"> & { readonly options: Options },
  teacher: Model | undefined,
  settings: Settings,
  hooks: RunHooks,
): Promise<StartingPoint<Options>> {
  const { init, calibrationPatches } = settings;
  if (!teacher) {
    const pretrained = ownParameters(new Map(options.widths.map((width) => [width, network.pretrained ?? new Map()])));
    return { options, parameters: new Map([...randomParameters(options, settings), ...pretrained]) };
  }
  if (init !== "principal" && !limit) {
    return { options, parameters: await parametersOf(options, undefined, settings, hooks) };
  }
  requireSlimmable(teacher);
  // What a budget chooses doesn't depend on the seed, so that runs of all seeds train students of one shape.
  const seed = limit ? 0 : settings.seed;
  const patches = await calibration(training, teacher, calibrationPatches, seed);
  const aligned = await staged(hooks, "align", "batches", (progress) =>
    alignTeacher(teacher, patches, init === "plain" ? "plain" : "balanced", progress),
  );
  const chosen = limit ? { ...options, ...(await choose({ aligned, patches }, limit, training, hooks)) } : options;
  return { options: chosen, parameters: await parametersOf(chosen, { aligned, patches }, settings, hooks) };
}

/** The channels that lose least within a budget. */
async function choose(
  { aligned, patches }: Calibrated,
  limit: Budget,
  training: Dataset,
  hooks: RunHooks,
): Promise<ReturnType<typeof withChannels>> {
  const measuring = await calibration(training, aligned.model, MEASURING_PATCHES, 1);
  const channels = await staged(hooks, "choose widths", "allocations", (progress) =>
    allocate(aligned, limit, patches, measuring, progress),
  );
  return withChannels(aligned.model, channels);
}

async function parametersOf(
  options: LearnerOptions,
  calibrated: Calibrated | undefined,
  settings: Settings,
  hooks: RunHooks,
): Promise<Parameters> {
  const { model, widths, channels } = options;
  const shared = isShared(options);
  const { init } = settings;
  if (init === "random") return randomParameters(options, settings);
  if (init === "plain" || !calibrated) {
    if (shared) return model.parameters;
    return ownParameters(
      new Map(widths.map((width) => [width, materialise(model.parameters, splitOf(options, width))])),
    );
  }
  const { aligned, patches } = calibrated;
  if (shared) return aligned.model.parameters;
  const students = new Map<number, Parameters>();
  for (const width of widths) {
    const counts = channels ?? countsAtWidth(channelAnalysis(model).groups, width);
    const note = (text: string) => hooks.note?.(`student of width ${width}: ${text}`);
    // What its notes say of it is said when it is trained.
    const { model: student } = await fittedStudent(aligned, counts, width, { patches }, { ...hooks, note });
    students.set(width, student.parameters);
  }
  return ownParameters(students);
}

const randomParameters = (options: LearnerOptions, { seed }: Settings): Parameters =>
  initialParameters(learnedShapes(options), randomNumbers(seed));

const staged = <T>(
  { stage, signal, exchange }: RunHooks,
  label: string,
  unit: string,
  work: (progress: SlimmingProgress) => Promise<T>,
): Promise<T> =>
  stage(label, unit, (onProgress) =>
    work({ signal, exchange, onProgress: (_, done, total) => onProgress(done, total) }),
  );

/** Patches, in the network's range, of those training images that have room for one, or, where none has, as large as the largest image has room for. */
export async function calibration(
  training: Dataset,
  { descriptor }: Model,
  patches: number,
  seed: number,
): Promise<Patches> {
  const wanted = calibrationSize(descriptor, patches);
  const room = training.pairs.reduce((most, { decoded: { lr } }) => Math.max(most, Math.min(lr.width, lr.height)), 0);
  const { side, count } = room < wanted.side ? { side: room, count: patches } : wanted;
  const space = colourSpaceOf(descriptor);
  const sampler = new PatchSampler(training, { side, batch: count, seed, skipBad: true, space, ahead: 0 });
  try {
    const { lr } = await sampler.batch(0);
    return inRange(descriptor, { count, height: side, width: side, data: lr });
  } finally {
    await sampler.close();
  }
}
