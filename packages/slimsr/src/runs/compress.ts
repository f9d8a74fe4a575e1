import { overridesOf } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { alone, onFirst } from "../exchange/exchange.js";
import { loadModel } from "../files/models.js";
import { silent } from "../stage.js";
import { finish } from "./finish.js";
import type { RunHooks } from "./inputs.js";
import { interrupted, isInterruption } from "./interruption.js";
import { openRun } from "./open.js";
import { makeOutputs } from "./outputs.js";
import { type Preset, presetSettings } from "./presets.js";
import { resolveSettings } from "./resolve-settings.js";
import type { Outcome } from "./result.js";
import { type DataPaths, type PartialSettings, type Settings, settingsOver } from "./settings.js";
import { type TrainingHooks, train as takeSteps } from "./training-loop.js";

/**
 * A run that begins in the folder `out`, or one that goes on where it was interrupted, with the settings it has; `moved` says where
 * its data lies now.
 */
export type RunRequest<Begin> =
  | ({ readonly out: string } & Begin)
  | { readonly resume: string; readonly moved?: DataPaths };

export interface Compression {
  /** What settings start from; `cpu` where left out. */
  readonly preset?: Preset;
  /** The teacher's file, images, and what differs from the preset. */
  readonly settings: PartialSettings;
  /** What errors call the settings; `settings` where left out. */
  readonly source?: string | undefined;
}

export interface CompletedRun {
  readonly folder: string;
  readonly settings: Settings;
  readonly outcome: Outcome;
}

export type CompressionHooks = Partial<RunHooks> & TrainingHooks;

/**
 * From a teacher to trained students, in a folder that can be resumed: the closed-form start, training, the students' files, their
 * measures beside bicubic and the teacher, and a page of it all.
 * @throws UsageError for settings that don't fit; DatasetError or CheckpointError for files that can't be used; RunError where
 * training can't go on; InterruptedError when the signal aborts, after a checkpoint
 */
export async function compress(request: RunRequest<Compression>, hooks: CompressionHooks = {}): Promise<CompletedRun> {
  if ("resume" in request) return completeRun(request.resume, undefined, hooks, request.moved);
  const settings = await compressionSettings(request.preset ?? "cpu", request.settings);
  return completeRun(request.out, settings({}, request.source), hooks);
}

/**
 * A full-width network from random weights, trained by L1 to the truth and, where tutors are named, to their output: a teacher to be.
 * @param request its settings name the network
 * @throws as `compress`
 */
export async function train(
  request: RunRequest<Omit<Compression, "preset">>,
  hooks: CompressionHooks = {},
): Promise<CompletedRun> {
  if ("resume" in request) return completeRun(request.resume, undefined, hooks, request.moved);
  const isTaught = (request.settings.tutor ?? []).length > 0;
  const fixed = { method: isTaught ? "kd" : "scratch", init: "random", width: [1] } as const;
  const other = Object.entries(fixed).find(([key, value]) => {
    const given = request.settings[key as keyof typeof fixed];
    return given !== undefined && String(given) !== String(value);
  });
  if (other)
    throw new UsageError(
      `${request.source ?? "settings"}: training a network anew has ${other[0]} ${other[1]}; leave it out`,
    );
  const settings = resolveSettings({ ...request.settings, ...fixed }, request.source ?? "settings");
  return completeRun(request.out, settings, hooks);
}

/**
 * The settings of runs from one teacher: what is given goes before the preset. Yields those of a run in which some are given
 * besides, by a `source` that errors name.
 */
export async function compressionSettings(
  preset: Preset,
  given: PartialSettings,
): Promise<(own?: PartialSettings, source?: string) => Settings> {
  const { teacher } = given;
  if (teacher === undefined) throw new UsageError("name the network to compress: --teacher FILE");
  const model = await loadModel(teacher, overridesOf(given));
  return (own = {}, source = "settings") => {
    const all = settingsOver(given, own);
    return resolveSettings(settingsOver(presetSettings(preset, model.descriptor.scale, all), all), source);
  };
}

/** Trains a run to its end and measures what came out. */
export async function completeRun(
  folder: string,
  settings: Settings | undefined,
  { stage = silent, signal, note, exchange = alone, onStep, onValidation, onTrained }: CompressionHooks,
  moved?: DataPaths,
): Promise<CompletedRun> {
  const hooks = { stage, signal, note, exchange };
  const run = await openRun(folder, settings, hooks, moved);
  try {
    const outputs = async () => run.outputs && (await makeOutputs(run.outputs, run.training, run.settings, hooks));
    await takeSteps(run, outputs, {
      signal,
      exchange,
      ...(onStep && { onStep }),
      ...(onValidation && { onValidation }),
    });
    onTrained?.();
    const outcome = await onFirst(exchange, () => finish(run, hooks));
    return { folder: run.folder.path, settings: run.settings, outcome };
  } catch (error) {
    if (!isInterruption(error)) throw error;
    throw interrupted(run.folder, run.settings, run.state.step);
  } finally {
    await run.folder.release();
  }
}
