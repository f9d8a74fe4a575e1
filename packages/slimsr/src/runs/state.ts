import { existsSync } from "node:fs";
import { join } from "node:path";
import { readSafetensors, writeSafetensors } from "@slimsr/core/internal/checkpoints/safetensors.js";
import type { StateDict } from "@slimsr/core/internal/checkpoints/state.js";
import { RunError } from "@slimsr/core/internal/errors.js";
import * as z from "zod";
import { readBytes } from "../files/checkpoints.js";
import { toJson } from "../files/json.js";
import type { TrainingState } from "../training/trainer.js";
import type { RunFolder } from "./folder.js";
import { parseJson } from "./json-file.js";

export const progressSchema = z.strictObject({
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
  /** Channels that each group of the student keeps, where a budget chose them. */
  channels: z.array(z.int().min(1)).exactOptional(),
  /** A digest of what the run works on: see `Contents`. */
  contents: z.string(),
});

/** How far a run is. */
export type RunProgress = z.infer<typeof progressSchema>;

const METADATA_KEY = "slimsr_run";
const VECTORS = ["parameters", "first", "second", "average", "bank"] as const;

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
  await folder.write(`checkpoints/${name}.safetensors`, writeSafetensors(tensors, { [METADATA_KEY]: toJson(run) }));
}

/**
 * @param size numbers in each vector of the state but the memory bank
 * @throws CheckpointError or RunError where the file is damaged or another's
 */
export async function loadState(
  folder: RunFolder,
  name: string,
  size: number,
): Promise<{ state: TrainingState; progress: RunProgress }> {
  const { file, tensors, progress } = await read(folder, name);
  const vector = (key: string): Float32Array<ArrayBuffer> => {
    const tensor = tensors.get(key);
    if (tensor?.data.length === size) return new Float32Array(tensor.data);
    throw new RunError(`${file} is another run's: its ${key} has ${tensor?.data.length ?? "no"} numbers, not ${size}`);
  };
  const state: TrainingState = {
    step: progress.step,
    parameters: vector("parameters"),
    first: vector("first"),
    second: vector("second"),
    ...(tensors.has("average") && { average: vector("average") }),
    ...(tensors.has("bank") && { bank: new Float32Array(tensors.get("bank")?.data ?? []) }),
  };
  return { state, progress };
}

/** @throws as `loadState` */
export const loadProgress = async (folder: Pick<RunFolder, "file">, name: string): Promise<RunProgress> =>
  (await read(folder, name)).progress;

const checkpointOf = (folder: Pick<RunFolder, "file">, name: string): string =>
  folder.file("checkpoints", `${name}.safetensors`);

async function read(
  folder: Pick<RunFolder, "file">,
  name: string,
): Promise<{ file: string; tensors: StateDict; progress: RunProgress }> {
  const file = checkpointOf(folder, name);
  const { tensors, metadata } = readSafetensors(await readBytes(file), file);
  const parsed = progressSchema.safeParse(parseJson(metadata[METADATA_KEY] ?? ""));
  if (!parsed.success) throw new RunError(`${file} is no checkpoint of a run`);
  return { file, tensors, progress: parsed.data };
}

/** Steps that the run in a folder has taken; undefined where there is no checkpoint. @throws as `loadState` */
export async function stepsTaken(path: string): Promise<number | undefined> {
  const folder = { file: (...parts: string[]) => join(path, ...parts) };
  if (!existsSync(checkpointOf(folder, "latest"))) return undefined;
  return (await read(folder, "latest")).progress.step;
}
