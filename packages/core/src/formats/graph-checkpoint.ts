import * as z from "zod/mini";
import { looksLikeSafetensors, readSafetensors, writeSafetensors } from "../checkpoints/safetensors.js";
import { type Int8Tensor, type StateTensor, stateOf } from "../checkpoints/state.js";
import { CheckpointError } from "../errors.js";
import { Graph, graft, sameShape, showDimensions, type Value } from "../graph/index.js";
import { type Descriptor, sizeRule } from "../model/descriptor.js";
import { applyModel, type Model, modelOf, type ParameterSource } from "../model/model.js";
import { required } from "../networks/index.js";
import { readOnnx, writeOnnx } from "../onnx/index.js";
import { namingFile } from "./naming-file.js";

/**
 * A checkpoint of a network that was read from ONNX: safetensors with its parameters under their names, the bytes of its graph as one
 * more tensor (an ONNX model whose inputs are the image, then the parameters), and in the metadata what neither tells.
 */

/** The tensor that holds the graph. */
export const GRAPH = "__graph__";
/** The metadata that say what the graph doesn't. */
export const METADATA_KEY = "slimsr-graph";

const description = z.object({
  /** Left out where nobody said it. */
  range: z.exactOptional(z.literal([255, 1])),
  size: sizeRule,
  origin: z.object({
    name: z.string(),
    input: z.string(),
    output: z.string(),
    metadata: z.record(z.string(), z.string()),
    notes: z.exactOptional(z.array(z.string())),
  }),
});

/** @param origin of `model`, which was read from ONNX */
export function encodeGraphCheckpoint(model: Model, origin: OnnxOrigin): Uint8Array<ArrayBuffer> {
  const { range, rangeSource, size } = model.descriptor;
  const known = rangeSource === "assumed" ? {} : { range };
  const bytes = writeOnnx(graphOfParameters(model, origin));
  const graph: Int8Tensor = { dtype: "int8", shape: [bytes.length], data: new Int8Array(bytes.buffer) };
  const tensors = new Map<string, StateTensor | Int8Tensor>(stateOf(model.parameters));
  if (tensors.has(GRAPH)) throw new CheckpointError(`a parameter is called ${GRAPH}, as the graph is in a checkpoint`);
  return writeSafetensors(tensors.set(GRAPH, graph), {
    [METADATA_KEY]: JSON.stringify(description.parse({ ...known, size, origin })),
  });
}

type OnnxOrigin = Extract<Descriptor["origin"], { kind: "onnx" }>;

/** The network at its own width, its parameters as inputs. */
function graphOfParameters(model: Model, { input, output }: OnnxOrigin): Graph {
  const graph = new Graph(model.graph.name, [output]);
  const image = graph.input(input, model.image.shape);
  const places = new Map(
    [...model.places.keys()].map((name) => [name, graph.input(name, required(model.parameters, name).shape)]),
  );
  const parameterOf: ParameterSource = (name) => places.get(name) as Value;
  graph.output(output, applyModel(model, image, parameterOf));
  return graph;
}

/** What a file's metadata say of the graph that it holds; undefined for a file that holds none. */
export function readGraphDescription(bytes: Uint8Array): unknown {
  if (!looksLikeSafetensors(bytes)) return undefined;
  try {
    const { [METADATA_KEY]: text } = readSafetensors(bytes, "", () => false).metadata;
    return text === undefined ? undefined : (parsed(text) ?? {});
  } catch (error) {
    if (error instanceof CheckpointError) return undefined;
    throw error;
  }
}

/** Whether a file holds a graph. */
export const isGraphCheckpoint = (bytes: Uint8Array): boolean => readGraphDescription(bytes) !== undefined;

/**
 * The network in such a checkpoint; undefined for any other file.
 * @throws CheckpointError where it is damaged
 */
export function readGraphCheckpoint(bytes: Uint8Array, file: string): Model | undefined {
  const described = readGraphDescription(bytes);
  if (described === undefined) return undefined;
  const { tensors, int8s } = readSafetensors(bytes, file);
  const about = description.safeParse(described);
  const held = int8s.get(GRAPH);
  if (!about.success || !held) throw unknownGraph(file);
  const { data } = held;
  return namingFile(file, () => {
    const { graph: source } = readOnnx(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    const { graph, places } = withConstants(source, about.data.origin.input, tensors);
    const parameters = new Map(
      [...places].map(({ name, shape, data }) => [name, { shape, data: data as Float32Array }]),
    );
    const { range, size, origin } = about.data;
    const known = range === undefined ? { range: 255 as const, rangeSource: "assumed" as const } : { range };
    return modelOf(graph, (value) => places.has(value), parameters, {
      ...known,
      size,
      origin: { kind: "onnx", ...origin },
    });
  });
}

export const unknownGraph = (file: string): CheckpointError =>
  new CheckpointError(`${file} describes its graph in a way this version doesn't know, or lacks it`);

/** The graph with constants in place of its inputs but the image. */
function withConstants(
  source: Graph,
  image: string,
  tensors: ReadonlyMap<string, StateTensor>,
): { graph: Graph; places: ReadonlySet<Value> } {
  const graph = new Graph(source.name, [...source.outputs.keys(), ...source.inputs.map(({ name }) => name)]);
  const places = new Set<Value>();
  const known = new Map<Value, Value>();
  for (const value of source.inputs) {
    const { name, shape, dtype } = value;
    if (name === image) known.set(value, graph.input(name, shape, dtype));
    else {
      const tensor = tensors.get(name);
      if (!tensor || !sameShape(tensor.shape, shape)) {
        const found = tensor ? `is ${showDimensions(tensor.shape)}` : "is missing";
        throw new CheckpointError(`${name} ${found}; the graph needs ${showDimensions(shape)}`);
      }
      const place = graph.constant(tensor.data, shape, { name });
      places.add(place);
      known.set(value, place);
    }
  }
  const outputs = graft(source, graph, known, [...source.outputs.values()]);
  [...source.outputs.keys()].forEach((name, i) => {
    graph.output(name, outputs[i] as Value);
  });
  return { graph, places };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
