import { basename } from "node:path";
import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { CheckpointError } from "@slimsr/core/internal/errors.js";
import { isGraphCheckpoint } from "@slimsr/core/internal/formats/graph-checkpoint.js";
import { isOnnxFile, type ModelFile, readModelFile, writeModel } from "@slimsr/core/internal/formats/model-file.js";
import { namingFile } from "@slimsr/core/internal/formats/naming-file.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { inlineExternal } from "@slimsr/core/internal/onnx/index.js";
import { externalBeside } from "@slimsr/upscaler/internal/node/external.js";
import { writeAtomic } from "./atomic.js";
import { readBytes } from "./checkpoints.js";
import { provenanceNotes } from "./provenance.js";

/**
 * A network from a file: a checkpoint (.safetensors, .pt, .pth), or an ONNX graph from one image to another, whose weights may lie in
 * files beside it; see `readModel`.
 *
 * @example
 * const teacher = await loadModel("edsr_x2.pt");
 *
 * @throws CheckpointError also where the file can't be read
 */
export const loadModel = async (file: string, overrides: Overrides = {}): Promise<Model> =>
  (await loadModelFile(file, overrides)).model;

/** As `loadModel`, with what the file says of the network. */
export const loadModelFile = async (file: string, overrides: Overrides = {}): Promise<ModelFile> =>
  readModelFile(await readBytes(file), file, overrides, externalBeside(file));

/** As `loadModel`, with what whoever works with the network should know of its file: see `provenanceNotes`. */
export async function loadNoted(file: string, overrides: Overrides = {}): Promise<{ model: Model; notes: string[] }> {
  const { model, provenance } = await loadModelFile(file, overrides);
  const { origin } = model.descriptor;
  const notes = origin.kind === "network" && provenance ? provenanceNotes(origin.network, provenance) : [];
  return { model, notes: notes.map((note) => `${basename(file)}: ${note}`) };
}

/**
 * A model's file as bytes that need no file beside them: the weights of an ONNX model are inside.
 * @throws CheckpointError where it can't be read, or the whole is larger than a file of ONNX can be
 */
export async function readWhole(file: string): Promise<Uint8Array> {
  const bytes = await readBytes(file);
  if (!isOnnxFile(file)) return bytes;
  return namingFile(file, () => inlineExternal(bytes, externalBeside(file)));
}

/** Whether a file holds a network's graph, which was read from ONNX, not the options of one that is built here. */
export const holdsGraph = async (file: string): Promise<boolean> =>
  isOnnxFile(file) || isGraphCheckpoint(await readBytes(file));

/**
 * Writes a network in the format that the path's ending names, beside its place and renamed; see `writeModel`.
 *
 * @example
 * await saveModel("student.onnx", student);
 *
 * @throws CheckpointError also where the file can't be written
 */
export const saveModel = (file: string, model: Model): Promise<void> => writeBytes(file, writeModel(model, file));

/**
 * Writes a network's file beside its place and renames it.
 * @throws CheckpointError where it can't be written
 */
export async function writeBytes(file: string, bytes: Uint8Array): Promise<void> {
  await writeAtomic(file, bytes).catch((error: Error) => {
    throw new CheckpointError(`${file} cannot be written: ${error.message}`, { cause: error });
  });
}
