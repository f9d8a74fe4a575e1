import {
  encodeCheckpoint,
  encodePytorch,
  type Provenance,
  publishedSource,
  readCheckpoint,
} from "../checkpoints/checkpoint.js";
import type { Overrides } from "../checkpoints/overrides.js";
import { widthOf } from "../checkpoints/shapes.js";
import { stateOf } from "../checkpoints/state.js";
import { UsageError } from "../errors.js";
import { exportModel } from "../export/onnx.js";
import { modelFromOnnx } from "../model/from-onnx.js";
import { requireChannels } from "../model/image-network.js";
import { type Model, networkModel } from "../model/model.js";
import type { External } from "../onnx/index.js";
import { encodeGraphCheckpoint, readGraphCheckpoint } from "./graph-checkpoint.js";
import { namingFile } from "./naming-file.js";
import { encodePackedCheckpoint, readPackedCheckpoint } from "./packed-checkpoint.js";

export const isOnnxFile = (file: string): boolean => /\.onnx$/i.test(file);

/**
 * The ONNX model in a file that engines run as it is: an `.onnx`, or the checkpoint of a quantised network; undefined for any other checkpoint.
 * @throws CheckpointError where the checkpoint is damaged
 */
export const storedOnnx = (bytes: Uint8Array, file: string): Uint8Array | undefined =>
  isOnnxFile(file) ? bytes : readPackedCheckpoint(bytes, file);

/**
 * A network from a file's bytes: a checkpoint in safetensors or PyTorch's formats, or an ONNX graph from one image to another.
 * Nothing in the file is executed.
 *
 * @example
 * const model = readModel(new Uint8Array(await response.arrayBuffer()), "edsr_x2.safetensors");
 * console.log(model.descriptor.scale);
 *
 * @param file its name, whose ending tells ONNX; errors call it by that
 * @param overrides what the file may leave unsaid
 * @param external what lies in files beside an ONNX model; by default models that need any are refused
 * @throws CheckpointError where it is damaged or not recognised; UsageError for an override that doesn't apply
 */
export const readModel = (bytes: Uint8Array, file: string, overrides: Overrides = {}, external?: External): Model =>
  readModelFile(bytes, file, overrides, external).model;

/** A network, and what its file says of it. */
export interface ModelFile {
  readonly model: Model;
  /** Shares of the full network's channels that the parameters were trained for, the model's own first; `narrowed` makes the others. */
  readonly widths: readonly number[];
  /** Where the network of a checkpoint came from. */
  readonly provenance?: Provenance;
}

/** As `readModel`, with what the file says of the network. */
export function readModelFile(
  bytes: Uint8Array,
  file: string,
  overrides: Overrides = {},
  external?: External,
): ModelFile {
  const onnx = storedOnnx(bytes, file);
  const read = onnx ? readOnnxModel(onnx, file, overrides.channels, external) : readGraphCheckpoint(bytes, file);
  if (read) return { model: withOverrides(read, file, overrides), widths: [1] };
  const {
    network,
    parameters,
    widths = [widthOf(network, parameters)],
    ...provenance
  } = readCheckpoint(bytes, file, overrides);
  const model = networkModel(network, parameters);
  requireChannels(file, model.descriptor.channels, overrides.channels);
  return { model, widths: widths.toSorted((a, b) => b - a), provenance };
}

const readOnnxModel = (
  bytes: Uint8Array,
  file: string,
  channels: number | undefined,
  external: External | undefined,
): Model => namingFile(file, () => modelFromOnnx(bytes, { name: file.replace(/^.*[/\\]/, ""), channels, external }));

/** @throws UsageError for an override that contradicts the network, or that its graph leaves no room for */
function withOverrides(model: Model, file: string, { scale, channels, range, ...layers }: Overrides): Model {
  const { descriptor } = model;
  const [given] = Object.entries(layers).filter(([, value]) => value !== undefined);
  if (given) throw new UsageError(`${file} is an ONNX model, whose layers are as they are; leave ${given[0]} out`);
  requireChannels(file, descriptor.channels, channels);
  if (scale !== undefined && scale !== descriptor.scale) {
    throw new UsageError(`${file} magnifies ×${descriptor.scale}, not ×${scale} as asked`);
  }
  return range === undefined ? model : { ...model, descriptor: { ...descriptor, range, rangeSource: "given" } };
}

/**
 * A network as a file's bytes, in the format that the name's ending tells: `.onnx`, to be deployed; `.safetensors`, `.pt` or
 * `.pth`, a checkpoint.
 *
 * @example
 * await writeFile("edsr_x2.onnx", writeModel(model, "edsr_x2.onnx"));
 *
 * @throws UsageError for another ending, or a PyTorch checkpoint of a graph that isn't one of the networks built here
 */
export function writeModel(model: Model, file: string): Uint8Array<ArrayBuffer> {
  if (isOnnxFile(file)) return exportModel(model);
  const format = checkpointFormatOf(file);
  const { origin } = model.descriptor;
  if (origin.kind === "onnx") {
    if (format === "safetensors") return encodeGraphCheckpoint(model, origin);
    throw new UsageError(
      `${file}: no code loads a graph that was read from ONNX, or is of a student trained merged, into PyTorch; name an .onnx, or a .safetensors, which holds it (compress --no-merge keeps the architecture)`,
    );
  }
  const checkpoint = { network: origin.network, parameters: stateOf(model.parameters) };
  return format === "safetensors"
    ? encodeCheckpoint(checkpoint)
    : encodePytorch(checkpoint, publishedSource(origin.network));
}

/**
 * A quantised network's file in the format that the name's ending tells: `.onnx`, or `.safetensors`, of the same integers.
 * @param onnx as `quantise` makes it
 * @throws UsageError for another ending
 */
export function quantisedFile(onnx: Uint8Array, file: string): Uint8Array {
  if (isOnnxFile(file)) return onnx;
  if (checkpointFormatOf(file) === "safetensors") return encodePackedCheckpoint(onnx);
  throw new UsageError(`${file}: no code loads integers into PyTorch; name an .onnx, or a .safetensors`);
}

/**
 * The format of checkpoints that a name's ending tells.
 *
 * @throws UsageError for any other than `.safetensors`, `.pt` and `.pth`
 */
export function checkpointFormatOf(file: string): "safetensors" | "pytorch" {
  if (/\.safetensors$/i.test(file)) return "safetensors";
  if (/\.pth?$/i.test(file)) return "pytorch";
  throw new UsageError(`${file} ends in none of .safetensors, .pt and .pth, which name the format to write`);
}
