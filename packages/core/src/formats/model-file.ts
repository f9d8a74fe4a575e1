import { encodeCheckpoint, encodePytorch, publishedSource, readCheckpoint } from "../checkpoints/checkpoint.js";
import type { Overrides } from "../checkpoints/overrides.js";
import { stateOf } from "../checkpoints/state.js";
import { CheckpointError, OnnxError, SlimsrError, UsageError } from "../errors.js";
import { exportModel } from "../export/onnx.js";
import { readDescriptorMetadata } from "../model/descriptor.js";
import { requireChannels } from "../model/image-network.js";
import { importedModel } from "../model/imported.js";
import { type Model, networkModel } from "../model/model.js";
import { type OnnxModel, readOnnx } from "../onnx/index.js";

export const isOnnxFile = (file: string): boolean => /\.onnx$/i.test(file);

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
 * @throws CheckpointError where it is damaged or not recognised; UsageError for an override that doesn't apply
 */
export function readModel(bytes: Uint8Array, file: string, overrides: Overrides = {}): Model {
  if (isOnnxFile(file)) return readOnnxModel(bytes, file, overrides);
  const { network, parameters } = readCheckpoint(bytes, file, overrides);
  const model = networkModel(network, parameters);
  requireChannels(file, model.descriptor.channels, overrides.channels);
  return model;
}

function readOnnxModel(bytes: Uint8Array, file: string, { scale, channels, range, ...layers }: Overrides): Model {
  const [given] = Object.entries(layers).filter(([, value]) => value !== undefined);
  if (given) throw new UsageError(`${file} is an ONNX model, whose layers are as they are; leave ${given[0]} out`);
  const model = namingFile(file, () => {
    const { graph, metadata } = readWithChannels(bytes, channels);
    return importedModel(graph, {
      name: file.replace(/^.*[/\\]/, ""),
      metadata,
      ...readDescriptorMetadata(metadata),
      ...(range !== undefined && { range, rangeSource: "given" }),
    });
  });
  requireChannels(file, model.descriptor.channels, channels);
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

/** An ONNX graph of images of the channels; where those are neither in the file nor given, of as many as its weights take. */
function readWithChannels(bytes: Uint8Array, channels: number | undefined): OnnxModel {
  // An imported model's open axes, whatever they are called: one image, large enough to follow its channels.
  const read = (count: number) => readOnnx(bytes, { sizes: (_, axis) => [1, count, 16, 16][axis] });
  if (channels !== undefined) return read(channels);
  try {
    return read(3);
  } catch (error) {
    if (!(error instanceof OnnxError)) throw error;
    try {
      return read(1);
    } catch {
      throw error;
    }
  }
}

/**
 * A network as a file's bytes, in the format that the name's ending tells: `.onnx`, to be deployed; `.safetensors`, `.pt` or
 * `.pth`, a checkpoint.
 *
 * @example
 * await writeFile("edsr_x2.onnx", writeModel(model, "edsr_x2.onnx"));
 *
 * @throws UsageError for another ending, or a checkpoint of a graph that isn't one of the networks built here
 */
export function writeModel(model: Model, file: string): Uint8Array<ArrayBuffer> {
  if (isOnnxFile(file)) return exportModel(model);
  const format = checkpointFormatOf(file);
  const { origin } = model.descriptor;
  if (origin.kind !== "network") {
    throw new UsageError(`${file}: a network that was read from ONNX is written as .onnx; name such a file`);
  }
  const checkpoint = { network: origin.network, parameters: stateOf(model.parameters) };
  return format === "safetensors"
    ? encodeCheckpoint(checkpoint)
    : encodePytorch(checkpoint, publishedSource(origin.network));
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
