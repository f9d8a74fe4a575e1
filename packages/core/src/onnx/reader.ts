import { GraphError, OnnxError } from "../errors.js";
import { Graph, type Value } from "../graph/graph.js";
import type { GraphMessage, NodeMessage, ValueMessage } from "./messages.js";
import { NodeReader } from "./node-reader.js";
import { readPermitted } from "./permitted.js";
import { OPSET_VERSION } from "./schema.js";
import { dataType, readTensor } from "./tensors.js";
import { isReadable } from "./versions/index.js";

const OLDEST_OPSET = 13;

/** Sizes for axes that the model leaves open: by their names ("height": 32), or by name and place, as not all have names. */
export type OpenSizes = Readonly<Record<string, number>> | ((name: string, axis: number) => number | undefined);

export interface ReadOptions {
  sizes?: OpenSizes;
}

export interface OnnxModel {
  graph: Graph;
  metadata: Readonly<Record<string, string>>;
}

/**
 * Decodes an ONNX model (opset 13 to 17) into a graph of static shapes.
 * @throws OnnxError where bytes are damaged, a size is open and not given, or something isn't supported.
 */
export function readOnnx(bytes: Uint8Array, { sizes = {} }: ReadOptions = {}): OnnxModel {
  try {
    const model = readPermitted(bytes);
    const opset = model.opsets.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version;
    if (opset === undefined || opset < OLDEST_OPSET || opset > OPSET_VERSION) {
      const wanted = `${OLDEST_OPSET} to ${OPSET_VERSION}`;
      throw new OnnxError(`has opset ${opset ?? "none"}; ${wanted} are read: export it again with one of them`);
    }
    return { graph: buildGraph(model.graph, opset, sizes), metadata: model.metadata };
  } catch (error) {
    if (error instanceof OnnxError) throw error;
    if (error instanceof GraphError) throw new OnnxError(error.message, { cause: error });
    if (error instanceof Error) {
      throw new OnnxError(`damaged or not an ONNX model: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function buildGraph(message: GraphMessage, opset: number, sizes: OpenSizes): Graph {
  const graph = new Graph(message.name || "model", namesIn(message));
  const reader = new NodeReader(graph, opset, new Set(message.outputs.map(({ name }) => name)));
  refuseUnreadable(message.nodes);
  for (const tensor of message.initializers) reader.constant(tensor.name, readTensor(tensor, tensor.name));
  for (const input of message.inputs) {
    if (!reader.get(input.name)) reader.add(input.name, readInput(graph, input, sizes));
  }
  for (const node of message.nodes) reader.node(node);
  for (const { name } of message.outputs) {
    const value = reader.get(name);
    if (!value) throw new OnnxError(`output ${name} is made by no node`);
    graph.output(name, value);
  }
  if (graph.outputs.size === 0) throw new OnnxError("has no outputs");
  return graph;
}

/** All that the file gives names to. */
const namesIn = ({ nodes, initializers, inputs }: GraphMessage): string[] => [
  ...[...initializers, ...inputs].map(({ name }) => name),
  ...nodes.flatMap(({ outputs }) => outputs),
];

/** @throws OnnxError naming all operators that a graph can't hold */
function refuseUnreadable(nodes: readonly NodeMessage[]): void {
  const counts = new Map<string, number>();
  for (const { operator, domain } of nodes) {
    if (operator === "Constant" || isReadable({ operator, domain: domain === "ai.onnx" ? "" : domain })) continue;
    const name = domain === "" ? operator : `${domain}.${operator}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  if (counts.size === 0) return;
  const shown = [...counts].map(([name, count]) => (count > 1 ? `${name} (${count} nodes)` : name));
  throw new OnnxError(
    shown.length > 1 ? `operators ${shown.join(", ")} are not supported` : `operator ${shown[0]} is not supported`,
  );
}

function readInput(graph: Graph, { name, element, shape }: ValueMessage, sizes: OpenSizes): Value {
  if (!shape) throw new OnnxError(`input ${name} has no shape`);
  const known = shape.map((size, axis) => {
    if (typeof size === "number") return size;
    const given = typeof sizes === "function" ? sizes(size, axis) : sizes[size];
    if (given === undefined) throw new OnnxError(`input ${name}: size "${size}" is open; give it a value`);
    return given;
  });
  return graph.input(name, known, dataType(element, `input ${name}`));
}
