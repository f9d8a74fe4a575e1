import { readFile } from "node:fs/promises";
import { RunError } from "@slimsr/core/internal/errors.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { type Vgg19Weights, vgg19 } from "@slimsr/core/internal/networks/index.js";
import { ADAM_DEFAULTS } from "@slimsr/core/internal/optimisers/adam.js";
import { LARGE_CONSTANTS, requireTemporaryFolder } from "@slimsr/upscaler/internal/node/session.js";
import { type Dataset, openDataset } from "../datasets/dataset.js";
import { setNames } from "../datasets/names.js";
import { parseRange } from "../datasets/range.js";
import { loadVgg19 } from "../files/checkpoints.js";
import { fromJson } from "../files/json.js";
import type { Stage } from "../stage.js";
import { packParameters } from "../training/flat.js";
import { learnedShapes, type TeacherRole } from "../training/learners.js";
import { initialState, type TrainerOptions, type TrainingState } from "../training/trainer.js";
import { contentsOf, digestOf, keepContents, requireContents } from "./contents.js";
import { type Environment, recordEnvironment } from "./environment.js";
import { RunFolder } from "./folder.js";
import {
  type DataPaths,
  isTeacherFrozen,
  isTeacherTrained,
  resolveSettings,
  type Settings,
  vggFile,
} from "./settings.js";
import { startingParameters } from "./start.js";
import { loadState, type RunProgress, saveState } from "./state.js";
import { openNetwork } from "./teacher.js";
import { openValidation } from "./validation.js";

export interface RunHooks {
  readonly stage: Stage;
  readonly signal?: AbortSignal | undefined;
  /** Called with what is worth saying of the data. */
  readonly note?: ((text: string) => void) | undefined;
}

/** A run that is ready to be trained on: all that it needs is open and checked. */
export interface Run {
  readonly folder: RunFolder;
  readonly settings: Settings;
  /** What the run has been worked on with so far. */
  readonly environments: readonly Environment[];
  /** The full network as it came, before training; absent where it is made anew. */
  readonly teacher: Model | undefined;
  readonly options: TrainerOptions;
  readonly training: Dataset;
  readonly validation: { readonly whole: Dataset; readonly centres: Dataset };
  readonly state: TrainingState;
  readonly progress: RunProgress;
}

/** The file of a run's settings. */
export const CONFIG = "config.json";

/**
 * Begins a run in a folder that has none, or takes up the one that is there.
 * @param settings of a new run; undefined to take up a folder's own
 * @param moved where the data of a run that is taken up lies now
 * @throws RunError, DatasetError, CheckpointError or UsageError where something is missing or doesn't fit
 */
export async function openRun(
  path: string,
  settings: Settings | undefined,
  hooks: RunHooks,
  moved: DataPaths = {},
): Promise<Run> {
  const folder = await RunFolder.hold(path);
  try {
    return await prepare(folder, settings, hooks, moved);
  } catch (error) {
    await folder.release();
    throw error;
  }
}

async function prepare(
  folder: RunFolder,
  given: Settings | undefined,
  { stage, signal, note }: RunHooks,
  moved: DataPaths,
): Promise<Run> {
  const begun = await folder.has("checkpoints", "latest.safetensors");
  if (given && begun) {
    throw new RunError(
      `${folder.path} holds a run already: go on with --resume ${folder.path}, or name another folder with --out`,
    );
  }
  if (!given && !begun) throw new RunError(`${folder.path} holds no run to resume: there is no checkpoint in it`);
  const settings = given ?? { ...(await readSettings(folder)), ...moved };
  setNames(settings.data, "data");
  const environments = await recordEnvironment(folder);
  const { model, isTeacher, keep } = await openNetwork(folder, settings, begun);
  const teacher = isTeacher ? model : undefined;
  const range = settings.trainRange === undefined ? undefined : parseRange(settings.trainRange);
  const { scale } = model.descriptor;
  const training = await stage("training images", "images", (onProgress) =>
    openDataset(settings.train, { scale, range, skipBad: settings.skipBad, onProgress, signal }),
  );
  const validation = await stage("validation images", "images", (onProgress) =>
    openValidation(settings, scale, onProgress, signal),
  );
  for (const set of [training, validation.whole]) if (set.note !== undefined) note?.(set.note);
  const options = await trainerOptions(model, settings);
  if (options.contrastive || parameterBytes(model) >= LARGE_CONSTANTS) await requireTemporaryFolder();
  if (begun) {
    const { state, progress } = await loadState(folder, "latest");
    const now = await contentsOf(folder, settings, training, validation.whole);
    await requireContents(folder, settings, now, progress.contents);
    if (Object.keys(moved).length > 0) await folder.write(CONFIG, `${JSON.stringify(settings, undefined, 2)}\n`);
    return { folder, settings, environments, teacher, options, training, validation, state, progress };
  }
  const parameters = await startingParameters(options, teacher, settings, training, stage, signal);
  const state = initialState(
    packParameters(parameters, learnedShapes(options)) as Float32Array<ArrayBuffer>,
    settings.average > 0,
  );
  await folder.write(CONFIG, `${JSON.stringify(settings, undefined, 2)}\n`);
  await keep();
  const contents = await contentsOf(folder, settings, training, validation.whole);
  await keepContents(folder, contents);
  const progress: RunProgress = {
    ...{ step: 0, seconds: 0, joules: null, peakMemory: 0, validated: -1, best: null },
    contents: digestOf(contents),
  };
  await saveState(folder, "latest", state, progress);
  return { folder, settings, environments, teacher, options, training, validation, state, progress };
}

const parameterBytes = ({ parameters }: Model): number =>
  [...parameters.values()].reduce((sum, { data }) => sum + data.byteLength, 0);

async function readSettings(folder: RunFolder): Promise<Settings> {
  const file = folder.file(CONFIG);
  try {
    return resolveSettings(fromJson(await readFile(file, "utf8")), file);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RunError(`${file} is damaged: ${error.message}`);
    throw error;
  }
}

async function trainerOptions(model: Model, settings: Settings): Promise<TrainerOptions> {
  const { width, split, batch, patch, accumulate, average, device, threads } = settings;
  const role = roleOf(settings);
  const contrastive = await contrastiveOf(settings);
  return {
    model,
    widths: width,
    split,
    teacher: role,
    batch,
    patch: [patch, patch],
    accumulate,
    adam: ADAM_DEFAULTS,
    distillation: role !== "none" && settings.lambdaDistillation > 0,
    ...(contrastive && { contrastive }),
    ...(average > 0 && { averageDecay: average }),
    session: { device, spinning: false, ...(threads !== undefined && { threads }) },
  };
}

function roleOf(settings: Settings): TeacherRole {
  if (isTeacherTrained(settings)) return settings.lambdaAnchor > 0 ? "anchored" : "shared";
  return isTeacherFrozen(settings) ? "frozen" : "none";
}

async function contrastiveOf(settings: Settings): Promise<TrainerOptions["contrastive"]> {
  const { negatives, contrasted, ratio, taps, vggInput } = settings;
  const vgg = vggFile(settings);
  if (vgg === undefined) return undefined;
  const file = await loadVgg19(vgg);
  const weights: Vgg19Weights = vggInput === "raw" ? { ...file, mean: [0, 0, 0] } : file;
  return {
    features: (graph) => vgg19(graph, weights),
    negatives,
    ...(contrasted !== undefined && { contrasted }),
    ratio,
    taps,
    detachTeacher: true,
  };
}
