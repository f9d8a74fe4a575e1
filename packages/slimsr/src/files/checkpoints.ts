import { readFile } from "node:fs/promises";
import {
  type Checkpoint,
  type CheckpointFormat,
  encodeCheckpoint,
  encodePytorch,
  publishedSource,
  readCheckpoint,
} from "@slimsr/core/internal/checkpoints/checkpoint.js";
import type { Source } from "@slimsr/core/internal/checkpoints/conventions.js";
import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { readVgg19 } from "@slimsr/core/internal/checkpoints/vgg19.js";
import { CheckpointError, UsageError } from "@slimsr/core/internal/errors.js";
import type { Vgg19Weights } from "@slimsr/core/internal/networks/index.js";
import { writeAtomic } from "./atomic.js";

/** A checkpoint read from a file, and whose names the file had. */
export type LoadedCheckpoint = Checkpoint & { source: Source };

/**
 * Read a checkpoint file; see `readCheckpoint`.
 *
 * @throws CheckpointError also where the file cannot be read
 */
export async function loadCheckpoint(path: string, overrides: Overrides = {}): Promise<LoadedCheckpoint> {
  return readCheckpoint(await readBytes(path), path, overrides);
}

/**
 * The format that a path's ending names.
 *
 * @throws UsageError for any other than `.safetensors`, `.pt` and `.pth`
 */
export function formatOfPath(path: string): CheckpointFormat {
  if (/\.safetensors$/i.test(path)) return "safetensors";
  if (/\.pth?$/i.test(path)) return "pytorch";
  throw new UsageError(`${path} ends in none of .safetensors, .pt and .pth, which name the format to write`);
}

/**
 * Write a checkpoint atomically: this project's own format to `.safetensors`; PyTorch's to `.pt` and `.pth`, with the names of
 * `source`, by default the published ones.
 *
 * @throws CheckpointError where the file cannot be written; UsageError as `formatOfPath` and `encodePytorch`
 */
export async function saveCheckpoint(path: string, checkpoint: Checkpoint, source?: Source): Promise<void> {
  const bytes =
    formatOfPath(path) === "safetensors"
      ? encodeCheckpoint(checkpoint)
      : encodePytorch(checkpoint, source ?? publishedSource(checkpoint.network));
  try {
    await writeAtomic(path, bytes);
  } catch (error) {
    throw new CheckpointError(`${path} cannot be written: ${reason(error)}`, { cause: error });
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
    throw new CheckpointError(`${path} cannot be read: ${reason(error)}`, { cause: error });
  }
}

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "ENOENT":
      return "there is no such file or folder";
    case "EISDIR":
      return "it is a folder";
    case "EACCES":
    case "EPERM":
      return "it is not permitted";
    case "ENOSPC":
      return "the disk is full";
    case "ERR_FS_FILE_TOO_LARGE":
      return "it is larger than 2 GiB";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
