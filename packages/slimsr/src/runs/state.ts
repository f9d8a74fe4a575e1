import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "@slimsr/core/internal/checkpoints/safetensors.js";
import type { StateDict } from "@slimsr/core/internal/checkpoints/state.js";
import { RunError } from "@slimsr/core/internal/errors.js";
import { z } from "zod";
import { readBytes } from "../files/checkpoints.js";
import type { TrainingState } from "../training/trainer.js";
import type { RunFolder } from "./folder.js";

const progress = z.strictObject({
  step: z.int().min(0),
  /** Seconds of training so far, over all of the run's processes. */
  seconds: z.number().min(0),
  /** Energy of that time, where the machine tells. */
  joules: z.number().min(0).nullable(),
  /** Bytes of memory that the run's processes took at most. */
  peakMemory: z.number().min(0),
  /** The last step that was validated; -1 where none was. */
  validated: z.int().min(-1),
  best: z.strictObject({ step: z.int().min(0), psnr: z.number() }).nullable(),
  /** What the training images were: their number and a digest of names and sizes. */
  images: z.string(),
});

/** How far a run is. */
export type RunProgress = z.infer<typeof progress>;

const METADATA_KEY = "slimsr_run";
const VECTORS = ["parameters", "first", "second", "average"] as const;

/** Writes all that training carries on, so that a run resumed from it goes on as if never stopped. */
export async function saveState(
  folder: RunFolder,
  name: string,
  state: TrainingState,
  run: RunProgress,
): Promise<void> {
  const tensors: StateDict = new Map();
  for (const key of VECTORS) {
    const data = state[key];
    if (data) tensors.set(key, { dtype: "float32", shape: [data.length], data });
  }
  await folder.write(
    `checkpoints/${name}.safetensors`,
    writeSafetensors(tensors, { [METADATA_KEY]: JSON.stringify(run) }),
  );
}

/** @throws CheckpointError or RunError where the file is damaged or another's */
export async function loadState(
  folder: RunFolder,
  name: string,
): Promise<{ state: TrainingState; progress: RunProgress }> {
  const file = folder.file("checkpoints", `${name}.safetensors`);
  const { tensors, metadata } = readSafetensors(await readBytes(file), file);
  const reached = progressIn(metadata, file);
  const vector = (key: string): Float32Array<ArrayBuffer> => {
    const tensor = tensors.get(key);
    if (!tensor) throw new RunError(`${file} lacks ${key}`);
    return new Float32Array(tensor.data);
  };
  const state: TrainingState = {
    step: reached.step,
    parameters: vector("parameters"),
    first: vector("first"),
    second: vector("second"),
    ...(tensors.has("average") && { average: vector("average") }),
  };
  return { state, progress: reached };
}

/** Steps that the run in a folder has taken; undefined where there is no checkpoint. @throws as `loadState` */
export async function stepsTaken(folder: string): Promise<number | undefined> {
  const file = join(folder, "checkpoints", "latest.safetensors");
  if (!existsSync(file)) return undefined;
  return progressIn(readSafetensors(await readBytes(file), file).metadata, file).step;
}

function progressIn(metadata: Readonly<Record<string, string>>, file: string): RunProgress {
  const parsed = progress.safeParse(parseJson(metadata[METADATA_KEY]));
  if (!parsed.success) throw new RunError(`${file} is no checkpoint of a run`);
  return parsed.data;
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
