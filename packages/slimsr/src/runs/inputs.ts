import { UsageError } from "@slimsr/core/internal/errors.js";
import { SSIM_WINDOW } from "@slimsr/core/internal/metrics/ssim.js";
import { type Model, nameOf } from "@slimsr/core/internal/model/model.js";
import { type Vgg19Weights, vgg19 } from "@slimsr/core/internal/networks/index.js";
import { laplacian } from "@slimsr/core/internal/objectives/laplacian.js";
import { ADAM_DEFAULTS } from "@slimsr/core/internal/optimisers/adam.js";
import { isOfIntegers, requireFloat } from "@slimsr/core/internal/quantisation/quantisable.js";
import { requireDevice } from "@slimsr/upscaler/internal/node/devices.js";
import { LARGE_CONSTANTS, requireTemporaryFolder } from "@slimsr/upscaler/internal/node/session.js";
import type { ImagePair } from "../calibration/patches.js";
import { settleModel } from "../calibration/settle-range.js";
import type { Dataset } from "../datasets/dataset.js";
import { setNames } from "../datasets/names.js";
import { parseRange } from "../datasets/range.js";
import { listSources } from "../datasets/sources.js";
import { tryOut } from "../engine/trial.js";
import type { Contender } from "../evaluation/contender.js";
import { alone, type Exchange } from "../exchange/exchange.js";
import { loadVgg19 } from "../files/checkpoints.js";
import { type Budget, uniformWithin } from "../slimming/budgets/allocate.js";
import { meanShare, settleBudget } from "../slimming/budgets/settle.js";
import { pinNotes } from "../slimming/pins.js";
import { requireSlimmable } from "../slimming/slimmable.js";
import { CHECKED, requireAboveBaseline } from "../slimming/teacher-check.js";
import type { Stage } from "../stage.js";
import type { ContrastiveStep } from "../training/contrast.js";
import { matricesOf, type TeacherRole } from "../training/learners.js";
import { shareOf } from "../training/share.js";
import { trainingStep } from "../training/step.js";
import type { TrainerOptions } from "../training/trainer.js";
import type { RunFolder } from "./folder.js";
import { isContrasted, isTeacherFrozen, isTeacherRun, isTeacherTrained, sharing, vggFile } from "./methods.js";
import { type OutputSource, outputSource } from "./outputs.js";
import { openSets, type RunSets } from "./sets.js";
import { budgetIn, type Settings } from "./settings.js";
import { type FullNetwork, openNetwork } from "./teacher.js";
import { openTutors, settleTutors } from "./tutors.js";
import { centresOf } from "./validation.js";

export interface RunHooks {
  readonly stage: Stage;
  readonly signal?: AbortSignal | undefined;
  /** Ranks that do the work together; this process alone where left out. */
  readonly exchange?: Exchange | undefined;
  /** Called with what is worth saying of the data. */
  readonly note?: ((text: string) => void) | undefined;
}

/** All that a run reads, open and checked: what it needs beside them is time. */
export interface RunInputs extends RunSets {
  readonly network: FullNetwork;
  readonly options: TrainerOptions;
  /** Other networks that students learn from. */
  readonly tutors: readonly Contender[];
  /** Whose outputs are made before training, where they are. */
  readonly outputs: OutputSource | undefined;
  /** What a student may cost whose channels are yet to be chosen by that. */
  readonly limit: Budget | undefined;
}

/**
 * Opens what a run's settings name, and finds what can't work with it before any work is done: folders that aren't there are found
 * before images are decoded, and images that don't fit before anything is computed.
 * @param begun the folder of a run that is taken up
 * @param channels those that a budget chose when it began
 * @throws DeviceError, DatasetError, CheckpointError, NetworkError or UsageError where something is missing or doesn't fit
 */
export async function openInputs(
  settings: Settings,
  begun: RunFolder | undefined,
  { stage, signal, note, exchange = alone }: RunHooks,
  channels?: readonly number[],
): Promise<RunInputs> {
  const { train, trainInput, trainRange, val, valInput, valRange, degrade, data } = settings;
  const { validationPatch, scaleAugmentation } = settings;
  setNames(data, "data");
  shareOf({ ...settings, ...sharing(settings) }, exchange);
  await requireDevice(settings.device);
  const opened = await openNetwork(settings, begun);
  if (isOfIntegers(opened.model)) requireFloat(opened.model);
  await tryOut(opened.model, signal);
  const settled = await settleModel(opened.model, { signal, threads: settings.threads });
  const settledNotes = settled.note === undefined ? [] : [settled.note];
  for (const each of [...opened.notes, ...settledNotes, ...pinNotes(settled.model)]) note?.(each);
  const { model } = settled;
  const network = { ...opened, model };
  const { scale } = model.descriptor;
  const named = await openTutors(settings, begun, model.descriptor, note);
  const rangeOf = (text: string | undefined) => (text === undefined ? undefined : parseRange(text));
  const [range, validated] = [rangeOf(trainRange), rangeOf(valRange)];
  requireMeasurable(validationPatch, scale);
  const inputsOf = (input: string | undefined) => (input === undefined ? { degrade } : { input });
  await listSources(train, { scale, range, ...inputsOf(trainInput), smallerCopies: scaleAugmentation > 0 });
  await listSources(val, { scale, range: validated, ...inputsOf(valInput) });
  for (const path of data) await listSources(path, { scale, degrade });
  const limit = channels ? undefined : await limitOf(model, settings);
  // Until channels are chosen, students of the widest uniform width stand for what will be trained.
  const options = await trainerOptions(model, settings, channels ?? (limit && uniformWithin(model, limit)));
  if (options.contrastive || parameterBytes(model) >= LARGE_CONSTANTS) await requireTemporaryFolder();
  trainingStep(options);
  if (options.optimiser === "muon" && matricesOf(options).length === 0) {
    note?.(
      `${nameOf(model)} has no convolution of features to features, which is what Muon moves: Adam moves all of it`,
    );
  }
  const { training, validation, sets } = await openSets(settings, model.descriptor, { stage, signal });
  for (const set of new Set([training, validation.whole, ...(data.length > 0 ? sets : [])])) {
    if (set.note !== undefined) note?.(set.note);
  }
  if (!begun && network.isTeacher && settings.method !== "scratch" && !settings.belowBicubic) {
    await requireAboveBaseline(model, await checkedPairs(validation.whole));
  }
  const compared = begun || !network.isTeacher ? undefined : model;
  const tutors = await settleTutors(named, compared, validation.centres, settings, { stage, signal, note });
  const outputs = outputSource(settings, model, tutors, training);
  const kept = { ...options, keptOutputs: outputs !== undefined };
  return { network, options: kept, tutors, outputs, training, validation, limit, sets };
}

const parameterBytes = ({ parameters }: Model): number =>
  [...parameters.values()].reduce((sum, { data }) => sum + data.byteLength, 0);

/** The centres of the first validation images. */
async function checkedPairs(validation: Dataset): Promise<ImagePair[]> {
  const { pairs } = centresOf(validation, CHECKED.side);
  return Promise.all(
    pairs
      .slice(0, CHECKED.count)
      .map(async ({ lr, input, hr }) => ({ lr: await lr(), input: await input(), hr: await hr() })),
  );
}

function requireMeasurable(validationPatch: number, scale: number): void {
  const least = Math.ceil(SSIM_WINDOW / scale) + 2;
  if (validationPatch >= least) return;
  throw new UsageError(
    `validationPatch ${validationPatch} is too small for SSIM at ×${scale}: it must be ${least} or more`,
  );
}

/** @throws NetworkError where nothing can be dropped, or even the slimmest student costs more */
async function limitOf(model: Model, settings: Settings): Promise<Budget | undefined> {
  const budget = budgetIn(settings);
  if (!budget) return undefined;
  requireSlimmable(model);
  return settleBudget(model, budget);
}

async function trainerOptions(
  model: Model,
  settings: Settings,
  channels: readonly number[] | undefined,
): Promise<TrainerOptions> {
  const { width = [], split, batch, patch, accumulate, optimiser, borderWeight, average, device, threads } = settings;
  const role = roleOf(settings);
  const isDistilled = isTeacherTrained(settings) || isTeacherFrozen(settings);
  const contrastive = await contrastiveOf(settings);
  if (vggFile(settings) !== undefined && model.descriptor.channels.output !== 3) {
    throw new UsageError(
      `${nameOf(model)} makes images of one channel, and the contrastive loss looks at RGB images through VGG19; choose --contrast output, or --method kd, slice or joint`,
    );
  }
  return {
    model,
    ...(channels ? withChannels(model, channels) : { widths: width }),
    split,
    teacher: role,
    batch,
    patch: [patch, patch],
    accumulate,
    adam: ADAM_DEFAULTS,
    optimiser,
    borderWeight,
    distillation: isDistilled && settings.lambdaDistillation > 0,
    ...(settings.method === "pams" && settings.lambdaAttention > 0 && { attention: true }),
    ...(settings.method === "pact" && { rangeDecay: PACT_DECAY }),
    ...(contrastive && { contrastive }),
    ...(average > 0 && { averageDecay: average }),
    session: { device, spinning: false, ...(threads !== undefined && { threads }) },
  };
}

/** PACT's decay of the ranges' ends (Choi et al. 2018, section 3). */
const PACT_DECAY = 1e-4;

/** The part of a trainer's options that says which channels students have. */
export const withChannels = (
  model: Model,
  channels: readonly number[],
): Pick<TrainerOptions, "widths" | "channels"> => ({
  widths: [meanShare(model, channels)],
  channels,
});

function roleOf(settings: Settings): TeacherRole {
  if (isTeacherTrained(settings)) return settings.lambdaAnchor > 0 ? "anchored" : "shared";
  return isTeacherRun(settings) ? "frozen" : "none";
}

async function contrastiveOf(settings: Settings): Promise<TrainerOptions["contrastive"]> {
  const { negatives, negativesFrom, memoryBank, contrasted, ratio } = settings;
  if (!isContrasted(settings)) return undefined;
  return {
    ...(await featuresOf(settings)),
    ...{ negatives, negativesFrom, memoryBank },
    ...(contrasted !== undefined && { contrasted }),
    ratio,
    detachTeacher: true,
  };
}

/** What the contrastive loss compares. */
async function featuresOf(settings: Settings): Promise<Pick<ContrastiveStep, "features" | "taps">> {
  const vgg = vggFile(settings);
  if (vgg === undefined) return { features: () => (images) => [laplacian(images)], taps: [1] };
  const file = await loadVgg19(vgg);
  const weights: Vgg19Weights = settings.vggInput === "raw" ? { ...file, mean: [0, 0, 0] } : file;
  return { features: (graph) => vgg19(graph, weights), taps: settings.taps };
}
