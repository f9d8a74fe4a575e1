import { readFile } from "node:fs/promises";
import {
  type Checkpoint,
  encodeCheckpoint,
  encodePytorch,
  type Provenance,
  publishedSource,
  readCheckpoint,
} from "@slimsr/core/internal/checkpoints/checkpoint.js";
import type { Source } from "@slimsr/core/internal/checkpoints/conventions.js";
import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { readVgg19 } from "@slimsr/core/internal/checkpoints/vgg19.js";
import { CheckpointError } from "@slimsr/core/internal/errors.js";
import { checkpointFormatOf } from "@slimsr/core/internal/formats/model-file.js";
import type { Vgg19Weights } from "@slimsr/core/internal/networks/index.js";
import { writeAtomic } from "./atomic.js";
import { systemReason } from "./system-reason.js";

/** A checkpoint read from a file, and where it came from. */
export type LoadedCheckpoint = Checkpoint & Provenance;

/**
 * Read a checkpoint file; see `readCheckpoint`.
 *
 * @throws CheckpointError also where the file cannot be read
 */
export async function loadCheckpoint(path: string, overrides: Overrides = {}): Promise<LoadedCheckpoint> {
  return readCheckpoint(await readBytes(path), path, overrides);
}

/**
 * Write a checkpoint atomically: this project's own format to `.safetensors`; PyTorch's to `.pt` and `.pth`, with the names of
 * `source`, by default the published ones.
 *
 * @throws CheckpointError where the file cannot be written; UsageError as `checkpointFormatOf` and `encodePytorch`
 */
export async function saveCheckpoint(path: string, checkpoint: Checkpoint, source?: Source): Promise<void> {
  const bytes =
    checkpointFormatOf(path) === "safetensors"
      ? encodeCheckpoint(checkpoint)
      : encodePytorch(checkpoint, source ?? publishedSource(checkpoint.network));
  try {
    await writeAtomic(path, bytes);
  } catch (error) {
    throw new CheckpointError(`${path} cannot be written: ${systemReason(error)}`, { cause: error });
  }
}

/**
 * Read VGG19's weights; see `readVgg19`.
 *
 * @throws CheckpointError also where the file cannot be read
 */
export async function loadVgg19(path: string): Promise<Vgg19Weights> {
  return readVgg19(await readBytes(path), path);
}

/** The whole file. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new CheckpointError(`${path} cannot be read: ${systemReason(error)}`, { cause: error });
  }
}
