import { RunError } from "@slimsr/core/internal/errors.js";
import { flatSize, packParameters } from "@slimsr/core/internal/model/flat.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import * as z from "zod";
import { alone, firstHereFirst, onFirst } from "../exchange/exchange.js";
import { learnedShapes } from "../training/learners.js";
import { initialState, type TrainingState } from "../training/trainer.js";
import { contentsOf, digestOf, keepContents, keptFiles, keptIn, requireContents } from "./contents.js";
import { type Environment, recordEnvironment } from "./environment.js";
import { RunFolder } from "./folder.js";
import { openInputs, type RunHooks, type RunInputs } from "./inputs.js";
import { interrupted, isInterruption } from "./interruption.js";
import { readJsonFile } from "./json-file.js";
import { asOwnGraphs, withOwnGraphs } from "./own-students.js";
import { resolveSettings } from "./resolve-settings.js";
import type { DataPaths, Settings } from "./settings.js";
import { startingPoint } from "./start.js";
import { loadProgress, loadState, type RunProgress, saveState } from "./state.js";
import { keptTeacher } from "./teacher.js";
import { keepTutors } from "./tutors.js";

/** A run that is ready to be trained on: all that it needs is open and checked. */
export interface Run extends RunInputs {
  readonly folder: RunFolder;
  readonly settings: Settings;
  /** What the run has been worked on with so far. */
  readonly environments: readonly Environment[];
  /** The full network as it came, before training; absent where it is made anew. */
  readonly teacher: Model | undefined;
  readonly state: TrainingState;
  readonly progress: RunProgress;
}

/** The file of a run's settings. */
export const CONFIG = "config.json";

/**
 * Begins a run in a folder that has none, or one that took no step, or takes up the one that is there.
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
  const { exchange = alone } = hooks;
  const held = exchange.rank === 0 ? await RunFolder.hold(path) : undefined;
  const folder = held ?? RunFolder.follow(path);
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
  hooks: RunHooks,
  moved: DataPaths,
): Promise<Run> {
  const { exchange = alone } = hooks;
  const { begun, step } = await onFirst(exchange, () => whereabouts(folder));
  if (given && step > 0) {
    throw new RunError(
      `${folder.path} holds a run already: go on with --resume ${folder.path}, or name another folder with --out`,
    );
  }
  if (!given && !(await folder.has(CONFIG))) {
    throw new RunError(`${folder.path} holds no run to resume: there is no ${CONFIG} in it`);
  }
  const settings = given ?? { ...(await readSettings(folder)), ...moved };
  try {
    if (given || !begun) return await begin(folder, settings, hooks);
    return await goOn(folder, settings, hooks, Object.keys(moved).length > 0);
  } catch (error) {
    if (!isInterruption(error)) throw error;
    // So that the run can be resumed, if only from its start.
    if (given) await keepSettings(folder, settings);
    throw interrupted(folder, settings, step);
  }
}

/** Whether a folder has a run that began, and the steps that it took. */
async function whereabouts(folder: RunFolder): Promise<{ begun: boolean; step: number }> {
  const begun = await folder.has("checkpoints", "latest.safetensors");
  return { begun, step: begun ? (await loadProgress(folder, "latest")).step : 0 };
}

/** Nothing is written before all that can be refused is checked. */
async function begin(folder: RunFolder, settings: Settings, hooks: RunHooks): Promise<Run> {
  const { exchange = alone } = hooks;
  const opened = await firstHereFirst(exchange, () => openInputs(settings, undefined, hooks));
  // A time is measured, and each rank's is another.
  const inputs = { ...opened, limit: await onFirst(exchange, async () => opened.limit) };
  const { network, training, validation } = inputs;
  const teacher = network.isTeacher ? network.model : undefined;
  await folder.clear();
  await keepSettings(folder, settings);
  const environments = await recordEnvironment(folder, exchange);
  const start = await startingPoint(inputs, teacher, settings, hooks);
  if (exchange.rank > 0) {
    // What the first rank begins with is read, so that all begin with the same bytes.
    await exchange.barrier();
    return { ...(await takeUp(folder, settings, { ...inputs, options: start.options })), environments };
  }
  const { options, parameters } = await asOwnGraphs(folder, start, training, settings, hooks);
  const state = initialState(
    packParameters(parameters, learnedShapes(options)) as Float32Array<ArrayBuffer>,
    settings.average > 0,
  );
  if (network.kept) await folder.write(keptTeacher(settings) as string, network.kept());
  await keepTutors(folder, settings);
  const kept = await keptIn(folder, settings);
  const contents = await contentsOf(kept, settings, training, validation.whole, inputs.outputs !== undefined);
  await keepContents(folder, contents);
  const progress: RunProgress = {
    ...{ step: 0, seconds: 0, joules: null, peakMemory: 0, validated: -1, best: null },
    ...(options.channels && { channels: [...options.channels] }),
    contents: digestOf(contents),
  };
  await saveState(folder, "latest", state, progress);
  await exchange.barrier();
  return { folder, settings, environments, teacher, ...inputs, options, state, progress };
}

async function goOn(folder: RunFolder, settings: Settings, hooks: RunHooks, isMoved: boolean): Promise<Run> {
  const { exchange = alone } = hooks;
  const { channels } = await loadProgress(folder, "latest");
  const inputs = await firstHereFirst(exchange, () => openInputs(settings, folder, hooks, channels));
  const run = await takeUp(folder, settings, inputs);
  if (isMoved) await keepSettings(folder, settings);
  return { ...run, environments: await recordEnvironment(folder, exchange) };
}

/** A run from its folder's checkpoint, on images that are those that it began with. */
async function takeUp(folder: RunFolder, settings: Settings, inputs: RunInputs): Promise<Omit<Run, "environments">> {
  const { network, training, validation } = inputs;
  const options = await withOwnGraphs(folder, inputs.options);
  const { state, progress } = await loadState(folder, "latest", flatSize(learnedShapes(options)));
  const kept = await keptIn(folder, settings);
  const now = await contentsOf(kept, settings, training, validation.whole, inputs.outputs !== undefined);
  await requireContents(folder, settings, now, progress.contents, keptFiles(folder, settings));
  const teacher = network.isTeacher ? network.model : undefined;
  return { folder, settings, teacher, ...inputs, options, state, progress };
}

const keepSettings = (folder: RunFolder, settings: Settings): Promise<void> =>
  folder.write(CONFIG, `${JSON.stringify(settings, undefined, 2)}\n`);

async function readSettings(folder: RunFolder): Promise<Settings> {
  const file = folder.file(CONFIG);
  const settings = await readJsonFile(file, z.unknown(), "put back what the run began with, or begin a new run");
  return resolveSettings(settings, file);
}
