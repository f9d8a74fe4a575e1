import { basename } from "node:path";
import type { Overrides } from "@slimsr/core/internal/checkpoints/recognise.js";
import { stateOf } from "@slimsr/core/internal/checkpoints/state.js";
import { CheckpointError, SlimsrError, UsageError } from "@slimsr/core/internal/errors.js";
import { exportOnnx } from "@slimsr/core/internal/export/onnx.js";
import { readDescriptorMetadata } from "@slimsr/core/internal/model/descriptor.js";
import { importedModel } from "@slimsr/core/internal/model/imported.js";
import { type Model, networkModel } from "@slimsr/core/internal/model/model.js";
import { readOnnx } from "@slimsr/core/internal/onnx/index.js";
import { writeAtomic } from "./atomic.js";
import { loadCheckpoint, readBytes, saveCheckpoint } from "./checkpoints.js";

export const isOnnxFile = (file: string): boolean => /\.onnx$/i.test(file);

/**
 * A network from a file: a checkpoint (.safetensors, .pt, .pth), or an ONNX graph from one image to another.
 * @param overrides what the file may leave unsaid
 * @throws CheckpointError where it can't be read or isn't recognised; UsageError for an override that doesn't apply
 */
export async function loadModel(file: string, overrides: Overrides = {}): Promise<Model> {
  if (!isOnnxFile(file)) {
    const { network, parameters } = await loadCheckpoint(file, overrides);
    return networkModel(network, parameters);
  }
  return readOnnxModel(await readBytes(file), file, overrides);
}

/** @param file what errors call it */
export function readOnnxModel(bytes: Uint8Array, file: string, overrides: Overrides = {}): Model {
  const { scale, range, resScale, variant } = overrides;
  if (resScale !== undefined || variant !== undefined) {
    throw new UsageError(`${file} is an ONNX model: its layers are as they are; leave --res-scale and --variant out`);
  }
  const model = namingFile(file, () => {
    const { graph, metadata } = readOnnx(bytes, { sizes: openSizes });
    return importedModel(graph, {
      name: basename(file),
      ...readDescriptorMetadata(metadata),
      ...(range !== undefined && { range }),
    });
  });
  if (scale !== undefined && scale !== model.descriptor.scale) {
    throw new UsageError(`${file} magnifies ×${model.descriptor.scale}, not ×${scale} as asked`);
  }
  return model;
}

/** Errors of work on a file's contents name the file. */
function namingFile<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof SlimsrError)) throw error;
    throw new CheckpointError(`${file}: ${error.message}`, { cause: error });
  }
}

/** Sizes for an imported model's open axes, whatever they are called: enough to follow its channels. */
const openSizes: Readonly<Record<string, number>> = new Proxy<Record<string, number>>(
  {},
  { get: (_, name) => (/batch|^n$/i.test(String(name)) ? 1 : 16) },
);

/**
 * Writes a network in the format that the path's ending names: `.onnx`, to be deployed; `.safetensors`, `.pt` or `.pth`, a
 * checkpoint. Written beside its place and renamed.
 * @throws UsageError for a checkpoint of a graph that isn't one of the networks built here; CheckpointError where it can't be written
 */
export async function saveModel(file: string, model: Model): Promise<void> {
  const { origin } = model.descriptor;
  if (isOnnxFile(file)) {
    await writeAtomic(file, exportOnnx(model)).catch((error: Error) => {
      throw new CheckpointError(`${file} cannot be written: ${error.message}`, { cause: error });
    });
    return;
  }
  if (origin.kind !== "network") {
    throw new UsageError(`${file}: a network that was read from ONNX is written as .onnx; name such a file`);
  }
  await saveCheckpoint(file, { network: origin.network, parameters: stateOf(model.parameters) });
}
