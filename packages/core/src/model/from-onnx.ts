import { GraphError, SlimsrError } from "../errors.js";
import { sameShape } from "../graph/index.js";
import { type External, type OnnxFile, openOnnx } from "../onnx/index.js";
import { TO_CHANNELS_FIRST } from "./channels-first.js";
import { readDescriptorMetadata } from "./descriptor.js";
import { importedModel } from "./imported.js";
import type { Model } from "./model.js";

export interface FromOnnxOptions {
  /** What errors and tables call it; by default what the file calls its graph. */
  readonly name?: string;
  /** Of the images, where the file leaves them open; by default as many as the weights take. */
  readonly channels?: number | undefined;
  /** What lies in files beside the model; by default models that need any are refused. */
  readonly external?: External | undefined;
}

/**
 * An ONNX file's graph from one image to another, as a model: in single precision, of channels first, for images of all sizes that it
 * takes.
 * @throws OnnxError where it is damaged or something isn't supported; NetworkError where it maps something else than images
 */
export function modelFromOnnx(bytes: Uint8Array, { name, channels, external }: FromOnnxOptions = {}): Model {
  const file = openOnnx(bytes, { singlePrecision: true, external });
  const { graph, converted } = buildAtSomeSize(file, channels === undefined ? CHANNELS : [channels]);
  return importedModel(graph, {
    ...(name !== undefined && { name }),
    metadata: file.metadata,
    notes: converted.map((dtype) => `its numbers were ${dtype}; they are float32`),
    ...readDescriptorMetadata(file.metadata),
  });
}

/** Sides that open axes are tried with, whatever they are called, the first ones large enough to follow most networks' channels. */
const SIDES = [16, 32, 64, 96, 128, 48, 40, 56];
/** Channels of images, the most frequent first. */
const CHANNELS = [3, 1, 4];

/**
 * The graph for an image of a size and a number of channels that it takes, as far as the file leaves them open.
 * @throws OnnxError as at first, where none does
 */
function buildAtSomeSize(file: OnnxFile, counts: readonly number[]): ReturnType<OnnxFile["build"]> {
  const last = hasChannelsLast(file);
  let refusal: unknown;
  for (const side of SIDES) {
    for (const channels of counts) {
      const shape = last ? [1, side, side, channels] : [1, channels, side, side];
      const asked = new Set<number>();
      try {
        return file.build((_, axis) => {
          asked.add(axis);
          return shape[axis];
        });
      } catch (error) {
        if (!(error instanceof SlimsrError && error.cause instanceof GraphError)) throw error;
        refusal ??= error;
      }
      if (!asked.has(last ? 3 : 1)) break;
    }
  }
  throw refusal;
}

/** Whether an image [N, H, W, C] is transposed before all else, as exporters from TensorFlow write it. */
export function hasChannelsLast({ message: { inputs, nodes, initializers } }: Pick<OnnxFile, "message">): boolean {
  const initial = new Set(initializers.map(({ name }) => name));
  const image = inputs.find(({ name }) => !initial.has(name))?.name;
  const readers = nodes.filter((node) => node.inputs.includes(image ?? ""));
  return (
    readers.length > 0 &&
    readers.every(
      ({ operator, attributes }) =>
        operator === "Transpose" &&
        sameShape(attributes.find(({ name }) => name === "perm")?.ints ?? [], TO_CHANNELS_FIRST),
    )
  );
}
