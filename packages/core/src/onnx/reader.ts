import { GraphError, OnnxError, SlimsrError } from "../errors.js";
import { Graph, type Value } from "../graph/graph.js";
import type { DataType } from "../graph/types.js";
import type { External } from "./external.js";
import type { GraphMessage, NodeMessage, ValueMessage } from "./messages.js";
import { NodeReader } from "./node-reader.js";
import { readPermitted } from "./permitted.js";
import { SinglePrecision } from "./precision.js";
import { dataType, readTensor } from "./tensors.js";
import { isReadable } from "./versions/index.js";

/** Opsets that are read; graphs are of `OPSET_VERSION`. */
export const OLDEST_OPSET = 7;
export const NEWEST_OPSET = 22;

/** Sizes for axes that the model leaves open: by their names ("height": 32), or by name and place, as not all have names. */
export type OpenSizes = Readonly<Record<string, number>> | ((name: string, axis: number) => number | undefined);

export interface OpenOptions {
  /** Whether halves and doubles become float32; sizes that are computed in double precision stay. As the file has it by default. */
  singlePrecision?: boolean;
  /** What lies in files beside the model; by default models that need any are refused. */
  external?: External | undefined;
}

export interface ReadOptions extends OpenOptions {
  sizes?: OpenSizes;
}

export interface OnnxModel {
  graph: Graph;
  metadata: Readonly<Record<string, string>>;
}

/** An ONNX model that was decoded; graphs of it can be built for several sizes. */
export interface OnnxFile {
  readonly message: GraphMessage;
  readonly metadata: Readonly<Record<string, string>>;
  /** @throws OnnxError where a size is open and not given, or something isn't supported; a GraphError is its cause where shapes don't fit */
  build(sizes: OpenSizes): { graph: Graph; converted: readonly DataType[] };
}

/**
 * Decodes an ONNX model (opset 7 to 22) into a graph of static shapes, of opset 17's operators. What can be computed from constants
 * alone is; an If with a constant condition is the branch that it takes.
 * @throws OnnxError where bytes are damaged, a size is open and not given, or something isn't supported.
 */
export function readOnnx(bytes: Uint8Array, { sizes = {}, ...options }: ReadOptions = {}): OnnxModel {
  const { build, metadata } = openOnnx(bytes, options);
  return { graph: build(sizes).graph, metadata };
}

/** @throws OnnxError where bytes are damaged or the opset isn't supported */
export function openOnnx(bytes: Uint8Array, { singlePrecision = false, external }: OpenOptions = {}): OnnxFile {
  return namingDamage(() => {
    const { graph: message, metadata, opsets } = readPermitted(bytes, external);
    const opset = opsets.find(({ domain }) => domain === "" || domain === "ai.onnx")?.version;
    if (opset === undefined || opset < OLDEST_OPSET || opset > NEWEST_OPSET) {
      const wanted = `${OLDEST_OPSET} to ${NEWEST_OPSET}`;
      throw new OnnxError(`has opset ${opset ?? "none"}; ${wanted} are read: export it again with one of them`);
    }
    const build = (sizes: OpenSizes) => {
      const precision = singlePrecision ? new SinglePrecision() : undefined;
      const graph = buildGraph(message, opset, sizes, precision);
      return { graph, converted: [...(precision?.met ?? [])] };
    };
    return { message, metadata, build: (sizes) => namingDamage(() => build(sizes)) };
  });
}

/** What goes wrong with a file's contents is the file's fault. */
function namingDamage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SlimsrError && !(error instanceof GraphError)) throw error;
    if (error instanceof GraphError) throw new OnnxError(error.message, { cause: error });
    if (error instanceof Error) {
      throw new OnnxError(`damaged or not an ONNX model: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function buildGraph(
  message: GraphMessage,
  opset: number,
  sizes: OpenSizes,
  precision: SinglePrecision | undefined,
): Graph {
  const graph = new Graph(message.name || "model", namesIn(message));
  const outputs = new Set(message.outputs.map(({ name }) => name));
  const reader = new NodeReader(graph, { opset, outputs, precision });
  refuseUnreadable(message.nodes);
  for (const tensor of message.initializers) reader.constant(tensor.name, readTensor(tensor, tensor.name));
  for (const input of message.inputs) {
    if (!reader.get(input.name)) reader.add(input.name, readInput(graph, input, sizes, precision));
  }
  for (const node of message.nodes) reader.node(node);
  for (const name of outputs) {
    const value = reader.get(name);
    if (!value) throw new OnnxError(`output ${name} is made by no node`);
    graph.output(name, value);
  }
  if (graph.outputs.size === 0) throw new OnnxError("has no outputs");
  return graph;
}

/** All that the file gives names to. */
function namesIn({ nodes, initializers, inputs }: GraphMessage): string[] {
  const inner = nodes.flatMap(({ attributes }) => attributes.flatMap(({ graph }) => (graph ? namesIn(graph) : [])));
  return [
    ...[...initializers, ...inputs].map(({ name }) => name),
    ...nodes.flatMap(({ outputs }) => outputs),
    ...inner,
  ];
}

/** Those that graphs have no node for, and that are read all the same. */
const READ_AWAY: ReadonlySet<string> = new Set(["Constant", "If"]);

/** @throws OnnxError naming all operators that a graph can't hold */
function refuseUnreadable(nodes: readonly NodeMessage[]): void {
  const counts = new Map<string, number>();
  for (const { operator, domain } of nodes) {
    const own = domain === "" || domain === "ai.onnx";
    if ((own && READ_AWAY.has(operator)) || isReadable({ operator, domain: own ? "" : domain })) continue;
    const name = own ? operator : `${domain}.${operator}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  if (counts.size === 0) return;
  const shown = [...counts].map(([name, count]) => (count > 1 ? `${name} (${count} nodes)` : name));
  throw new OnnxError(
    shown.length > 1 ? `operators ${shown.join(", ")} are not supported` : `operator ${shown[0]} is not supported`,
  );
}

function readInput(
  graph: Graph,
  { name, element, shape }: ValueMessage,
  sizes: OpenSizes,
  precision: SinglePrecision | undefined,
): Value {
  if (!shape) throw new OnnxError(`input ${name} has no shape`);
  const known = shape.map((size, axis) => {
    if (typeof size === "number" && (size >= 0 || typeof sizes !== "function")) return size;
    const given = typeof sizes === "function" ? sizes(String(size), axis) : sizes[size];
    if (given === undefined) throw new OnnxError(`input ${name}: size "${size}" is open; give it a value`);
    return given;
  });
  const dtype = dataType(element, `input ${name}`);
  return graph.input(name, known, precision?.type(dtype) ?? dtype);
}
