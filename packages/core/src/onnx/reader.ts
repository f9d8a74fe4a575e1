import { GraphError, OnnxError } from "../errors.js";
import type { Attribute } from "../graph/attributes.js";
import { Graph, type Value } from "../graph/graph.js";
import { DATA_TYPES, type DataType, elements, type TensorData } from "../graph/types.js";
import { operatorNamed } from "../operators/index.js";
import { ChannelBudget, requireShort } from "./limits.js";
import type { AttributeMessage, GraphMessage, NodeMessage, TensorMessage, ValueMessage } from "./messages.js";
import { readPermitted } from "./permitted.js";
import { ATTRIBUTE_TYPE, OPSET_VERSION } from "./schema.js";

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
    return { graph: buildGraph(model.graph, sizes), metadata: model.metadata };
  } catch (error) {
    if (error instanceof OnnxError) throw error;
    if (error instanceof GraphError) throw new OnnxError(error.message, { cause: error });
    if (error instanceof Error) {
      throw new OnnxError(`damaged or not an ONNX model: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function buildGraph(message: GraphMessage, sizes: OpenSizes): Graph {
  const graph = new Graph(message.name || "model");
  const values = new ReadValues();
  for (const tensor of message.initializers) values.add(tensor.name, readConstant(graph, tensor, tensor.name));
  for (const input of message.inputs) {
    if (!values.get(input.name)) values.add(input.name, readInput(graph, input, sizes));
  }
  for (const node of message.nodes) readNode(graph, node, values);
  for (const { name } of message.outputs) {
    const value = values.get(name);
    if (!value) throw new OnnxError(`output ${name} is made by no node`);
    graph.output(name, value);
  }
  if (graph.outputs.size === 0) throw new OnnxError("has no outputs");
  return graph;
}

/** What is known so far, by the file's names. */
class ReadValues {
  readonly #known = new Map<string, Value>();
  readonly #budget = new ChannelBudget();

  get(name: string): Value | undefined {
    return this.#known.get(name);
  }

  add(name: string, value: Value): void {
    this.#budget.take(value);
    this.#known.set(name, value);
  }
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

function readNode(graph: Graph, message: NodeMessage, values: ReadValues): void {
  const what = `${message.operator} (output ${message.outputs[0] ?? "none"})`;
  const domain = message.domain === "ai.onnx" ? "" : message.domain;
  if (message.operator === "Constant") {
    const tensor = message.attributes.find(({ name }) => name === "value")?.tensor;
    const name = message.outputs[0];
    if (!tensor || name === undefined) throw new OnnxError(`${what}: a constant without a tensor`);
    values.add(name, readConstant(graph, tensor, name));
    return;
  }
  const inputs = message.inputs.map((name) => {
    if (name === "") return undefined;
    const value = values.get(name);
    if (!value) throw new OnnxError(`${what}: input ${name} is made by no earlier node`);
    return value;
  });
  const attributes = Object.fromEntries(message.attributes.map((a) => [a.name, readAttribute(a, what)]));
  const names = message.outputs.slice(0, message.outputs.findLastIndex((name) => name !== "") + 1);
  if (names.includes("")) throw new OnnxError(`${what}: outputs before the last must have names`);
  const operator = operatorNamed(message.operator, domain);
  const stated = { ...attributes, ...operator.impliedAttributes?.(inputs), ...attributes };
  const outputs = graph.apply(operator, inputs, stated, { names });
  names.forEach((name, i) => {
    const value = outputs[i];
    if (!value) throw new OnnxError(`${what}: more outputs than the operator has`);
    values.add(name, value);
  });
}

function readAttribute(message: AttributeMessage, node: string): Attribute {
  switch (message.type) {
    case ATTRIBUTE_TYPE.float:
      return { kind: "float", value: message.float };
    case ATTRIBUTE_TYPE.int:
      return { kind: "int", value: message.int };
    case ATTRIBUTE_TYPE.string:
      return { kind: "string", value: message.string };
    case ATTRIBUTE_TYPE.floats:
      requireShort(`${node}: attribute ${message.name}`, message.floats);
      return { kind: "floats", value: message.floats };
    case ATTRIBUTE_TYPE.ints:
      requireShort(`${node}: attribute ${message.name}`, message.ints);
      return { kind: "ints", value: message.ints };
    default:
      throw new OnnxError(`${node}: attribute ${message.name} has type ${message.type}, which is not supported`);
  }
}

function dataType(element: number, what: string): DataType {
  const names = Object.keys(DATA_TYPES) as DataType[];
  const found = names.find((name) => DATA_TYPES[name].onnx === element);
  if (!found) throw new OnnxError(`${what} has element type ${element}, which is not supported`);
  return found;
}

function readConstant(graph: Graph, tensor: TensorMessage, name: string): Value {
  const dtype = dataType(tensor.type, `tensor ${name}`);
  return graph.constant(tensorData(tensor, dtype, name), tensor.dims, { name, dtype });
}

function tensorData(tensor: TensorMessage, dtype: DataType, name: string): TensorData {
  const { array, bytes } = DATA_TYPES[dtype];
  const count = elements(tensor.dims);
  if (tensor.raw && tensor.raw.length > 0) {
    if (tensor.raw.length !== count * bytes) {
      throw new OnnxError(`tensor ${name}: ${tensor.raw.length} bytes don't hold ${count} elements of ${dtype}`);
    }
    // A copy of exactly these bytes; slice() of Node's Buffer would be a view of the whole file.
    return new array(new Uint8Array(tensor.raw).buffer);
  }
  const listed = [tensor.floats, tensor.int64s, tensor.int32s, tensor.doubles].find((list) => list.length > 0) ?? [];
  if (listed.length !== count) throw new OnnxError(`tensor ${name}: ${listed.length} of ${count} elements are there`);
  if (dtype === "int64") return BigInt64Array.from(listed, BigInt);
  const data = new array(new ArrayBuffer(count * bytes)) as Exclude<TensorData, BigInt64Array>;
  data.set(listed);
  return data;
}
