import { basename } from "node:path";
import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import type { SplitMode } from "@slimsr/core/internal/model/split.js";
import { loadCheckpoint, readBytes } from "../files/checkpoints.js";
import { externalBeside } from "../files/external.js";
import { checkpointContenders } from "./checkpoint-contenders.js";
import { type Contender, onnxContender } from "./contender.js";

/** What the file may leave unsaid; `range` is the ONNX model's images', or that inside a checkpoint's network. */
export interface LoadOptions extends Overrides {
  widths?: readonly number[] | undefined;
  split?: SplitMode | undefined;
}

/**
 * The networks in a file: an ONNX model, or a checkpoint's network at some widths.
 * @throws CheckpointError, OnnxError or UsageError where it can't be read or doesn't fit the options
 */
export async function loadContenders(
  path: string,
  { widths, split, ...overrides }: LoadOptions = {},
): Promise<Contender[]> {
  const name = basename(path);
  if (!/\.onnx$/i.test(path)) {
    return checkpointContenders(name, await loadCheckpoint(path, overrides), { widths, split });
  }
  const { scale, range, ...own } = overrides;
  if (
    Object.values(own).some((value) => value !== undefined) ||
    split !== undefined ||
    (widths ?? [1]).join() !== "1"
  ) {
    throw new UsageError(`${path} is an ONNX model: it has one width, and its layers are as they are`);
  }
  return [onnxContender(name, await readBytes(path), { scale, range, external: externalBeside(path) })];
}
