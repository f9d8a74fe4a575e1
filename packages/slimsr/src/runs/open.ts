import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { RunError } from "@slimsr/core/internal/errors.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import type { Dataset } from "../datasets/dataset.js";
import { packParameters } from "../training/flat.js";
import { learnedShapes } from "../training/learners.js";
import { initialState, type TrainingState } from "../training/trainer.js";
import { type Environment, recordEnvironment } from "./environment.js";
import { RunFolder } from "./folder.js";
import { openInputs, type RunHooks, type RunInputs } from "./inputs.js";
import { resolveSettings, type Settings } from "./settings.js";
import { startingParameters } from "./start.js";
import { loadState, type RunProgress, saveState } from "./state.js";

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
 * @throws RunError, DatasetError, CheckpointError or UsageError where something is missing or doesn't fit
 */
export async function openRun(path: string, settings: Settings | undefined, hooks: RunHooks): Promise<Run> {
  const folder = await RunFolder.hold(path);
  try {
    return await prepare(folder, settings, hooks);
  } catch (error) {
    await folder.release();
    throw error;
  }
}

async function prepare(folder: RunFolder, given: Settings | undefined, hooks: RunHooks): Promise<Run> {
  const found = (await folder.has("checkpoints", "latest.safetensors")) ? await loadState(folder, "latest") : undefined;
  if (given && found && found.progress.step > 0) {
    throw new RunError(
      `${folder.path} holds a run already: go on with --resume ${folder.path}, or name another folder with --out`,
    );
  }
  if (!given && !found) throw new RunError(`${folder.path} holds no run to resume: there is no checkpoint in it`);
  const settings = given ?? (await readSettings(folder));
  const inputs = await openInputs(settings, given ? undefined : folder, hooks);
  const { network, options, training } = inputs;
  const environments = await recordEnvironment(folder);
  const teacher = network.isTeacher ? network.model : undefined;
  const run = { folder, settings, environments, teacher, ...inputs };
  const images = digestOf(training);
  if (!given && found) {
    const { state, progress } = found;
    if (progress.images !== images) {
      throw new RunError(
        `${settings.train}: these are not the images that the run began with (${progress.images}; now ${images}): put them back as they were`,
      );
    }
    return { ...run, state, progress };
  }
  const parameters = await startingParameters(options, teacher, settings, training, hooks.stage, hooks.signal);
  const state = initialState(
    packParameters(parameters, learnedShapes(options)) as Float32Array<ArrayBuffer>,
    settings.average > 0,
  );
  const progress: RunProgress = { step: 0, seconds: 0, joules: null, peakMemory: 0, validated: -1, best: null, images };
  await folder.clear();
  await folder.write(CONFIG, `${JSON.stringify(settings, undefined, 2)}\n`);
  await network.keep(folder);
  await saveState(folder, "latest", state, progress);
  return { ...run, state, progress };
}

async function readSettings(folder: RunFolder): Promise<Settings> {
  const file = folder.file(CONFIG);
  try {
    return resolveSettings(JSON.parse(await readFile(file, "utf8")), file);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RunError(`${file} is damaged: ${error.message}`);
    throw error;
  }
}

/** Tells sets of training images apart: "490 images, 3f2a…". */
function digestOf({ pairs }: Dataset): string {
  const sizes = pairs.map(({ name, decoded: { lr, hr } }) => [name, lr.width, lr.height, hr.width, hr.height]);
  return `${pairs.length} images, ${createHash("sha256").update(JSON.stringify(sizes)).digest("hex").slice(0, 16)}`;
}
