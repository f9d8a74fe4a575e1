import { type BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { type Attribute, ints } from "../graph/attributes.js";
import type { Graph, Node, Value } from "../graph/graph.js";
import { liveNodes } from "../graph/traverse.js";
import { bytesInFile, DATA_TYPES, type DataType, elements, type Shape } from "../graph/types.js";
import { packNibbles } from "./nibbles.js";
import { concatenate, delimited, encode, sizeOf } from "./parts.js";
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DIMENSION,
  ENTRY,
  GRAPH,
  IR_VERSION,
  MODEL,
  NODE,
  OPSET,
  OPSET_VERSION,
  PACKED_IR_VERSION,
  PACKED_OPSET_VERSION,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE,
} from "./schema.js";

export interface WriteOptions {
  /** Free-form strings kept in the model. */
  metadata?: Readonly<Record<string, string>>;
  /** Axes of inputs and outputs that the model leaves open: value name → axis → name of the size. */
  dynamicAxes?: Readonly<Record<string, Readonly<Record<number, string>>>>;
}

/** Encodes a graph as an ONNX model (opset 17, IR version 8; 21 and 10 where it holds int4). */
export function writeOnnx(graph: Graph, options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
  return concatenate(modelParts(graph, options, inlineConstant));
}

/** A model whose large constants lie in a file beside it. */
export interface SplitModel {
  model: Uint8Array<ArrayBuffer>;
  /** What the file holds: constants at offsets, in ascending order, gaps between them. */
  data: readonly { readonly offset: number; readonly bytes: () => Uint8Array }[];
}

/** Constants below this size stay in the model. */
const SMALL = 4096;

/** Where constants begin in the file: engines map it, and pages begin there on every platform. */
const ALIGNMENT = 65536;

/** Encodes a graph with its large constants left out, for a file called `location`: none of them is copied. */
export function writeSplitOnnx(graph: Graph, location: string): SplitModel {
  const data: { offset: number; bytes: () => Uint8Array }[] = [];
  let end = 0;
  const parts = modelParts(graph, {}, (constant) => {
    const length = constantSize(constant);
    if (length < SMALL) return inlineConstant(constant);
    const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    end = offset + length;
    data.push({ offset, bytes: () => constantBytes(constant) });
    return tensorParts(constant, [encode((writer) => writeLocation(writer, location, offset, length))]);
  });
  return { model: concatenate(parts), data };
}

/** A nested writer copies constants at each level: parts are laid out by hand. */
function modelParts(
  graph: Graph,
  { metadata = {}, dynamicAxes = {} }: WriteOptions,
  encodeConstant: (constant: Value) => Uint8Array[],
): Uint8Array[] {
  const live = liveNodes(graph);
  const read = new Set<Value | undefined>([...live.flatMap((node) => node.inputs), ...graph.outputs.values()]);
  const isPacked = graph.constants.some((constant) => constant.dtype === "int4" && read.has(constant));
  const body = [
    ...graph.constants.filter((constant) => read.has(constant)).flatMap(encodeConstant),
    encode((writer) => writeGraph(writer, graph, live, read, { dynamicAxes, isPacked })),
  ];
  const start = encode((writer) => {
    writer.tag(MODEL.irVersion, WireType.Varint).int64(isPacked ? PACKED_IR_VERSION : IR_VERSION);
    writer.tag(MODEL.producer, WireType.LengthDelimited).string("slimsr");
    writer.tag(MODEL.graph, WireType.LengthDelimited).uint32(sizeOf(body));
  });
  const domains = new Set(live.map(({ operator }) => operator.domain));
  const opset = isPacked ? PACKED_OPSET_VERSION : OPSET_VERSION;
  const end = encode((writer) => writeModelEnd(writer, domains, opset, metadata));
  return [start, ...body, end];
}

function writeModelEnd(
  writer: BinaryWriter,
  used: ReadonlySet<string>,
  opset: number,
  metadata: Readonly<Record<string, string>>,
): void {
  for (const domain of [...new Set(["", ...used])].sort()) {
    message(writer, MODEL.opsets, () => {
      writer.tag(OPSET.domain, WireType.LengthDelimited).string(domain);
      writer.tag(OPSET.version, WireType.Varint).int64(domain === "" ? opset : 1);
    });
  }
  for (const [key, value] of Object.entries(metadata)) {
    message(writer, MODEL.metadata, () => {
      writer.tag(ENTRY.key, WireType.LengthDelimited).string(key);
      writer.tag(ENTRY.value, WireType.LengthDelimited).string(value);
    });
  }
}

function message(writer: BinaryWriter, field: number, body: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  body();
  writer.join();
}

function writeGraph(
  writer: BinaryWriter,
  graph: Graph,
  live: readonly Node[],
  read: ReadonlySet<Value | undefined>,
  { dynamicAxes, isPacked }: { dynamicAxes: NonNullable<WriteOptions["dynamicAxes"]>; isPacked: boolean },
): void {
  const outputs = [...graph.outputs];
  const names = outputNames(graph, live);
  const nameOf = (value: Value) => names.get(value) ?? value.name;
  for (const node of live) {
    const axes = isPacked ? axesToPass(node) : undefined;
    const passed = axes && `${nameOf(node.outputs[0] as Value)} axes`;
    if (passed) message(writer, GRAPH.nodes, () => writeIntegers(writer, passed, axes));
    message(writer, GRAPH.nodes, () => writeNode(writer, node, read, nameOf, passed));
  }
  // An output that its own node can't be named after passes through an Identity.
  for (const [name, value] of outputs.filter(([name, value]) => nameOf(value) !== name)) {
    message(writer, GRAPH.nodes, () => {
      writer.tag(NODE.inputs, WireType.LengthDelimited).string(nameOf(value));
      writer.tag(NODE.outputs, WireType.LengthDelimited).string(name);
      writer.tag(NODE.name, WireType.LengthDelimited).string(name);
      writer.tag(NODE.operator, WireType.LengthDelimited).string("Identity");
    });
  }
  writer.tag(GRAPH.name, WireType.LengthDelimited).string(graph.name);
  for (const { name, dtype, shape } of graph.inputs) {
    message(writer, GRAPH.inputs, () => writeValue(writer, name, dtype, shape, dynamicAxes[name]));
  }
  for (const [name, { dtype, shape }] of outputs) {
    message(writer, GRAPH.outputs, () => writeValue(writer, name, dtype, shape, dynamicAxes[name]));
  }
}

/**
 * Names of the values that are outputs themselves. An input, a constant or an output under a second name isn't. Nor is a
 * convolution's output that an Add reads as well: ONNX Runtime (1.30) fuses the two although the output is still asked
 * for, where another convolution makes the Add's other operand, and the process dies of it.
 */
function outputNames({ outputs }: Graph, live: readonly Node[]): ReadonlyMap<Value, string> {
  const added = new Set(live.flatMap(({ operator, inputs }) => (operator.name === "Add" ? inputs : [])));
  const names = new Map<Value, string>();
  for (const [name, value] of outputs) {
    if (!value.producer || names.has(value)) continue;
    const apart = value.producer.operator.name === "Conv" && added.has(value);
    if (!apart) names.set(value, name);
    else if (name === value.name) names.set(value, `${name} before Identity`);
  }
  return names;
}

/** A reduction's axes, where it has them as an attribute: from opset 18 on they are an input. */
function axesToPass({ operator, attributes: { axes } }: Node): readonly number[] | undefined {
  return operator.name.startsWith("Reduce") && axes?.kind === "ints" ? axes.value : undefined;
}

function writeIntegers(writer: BinaryWriter, output: string, value: readonly number[]): void {
  writer.tag(NODE.outputs, WireType.LengthDelimited).string(output);
  writer.tag(NODE.operator, WireType.LengthDelimited).string("Constant");
  message(writer, NODE.attributes, () => writeAttribute(writer, "value_ints", ints(value)));
}

/** @param axes name of a value that is its second input in place of its attribute */
function writeNode(
  writer: BinaryWriter,
  node: Node,
  read: ReadonlySet<Value | undefined>,
  nameOf: (value: Value) => string,
  axes?: string,
): void {
  for (const input of node.inputs) {
    writer.tag(NODE.inputs, WireType.LengthDelimited).string(input ? nameOf(input) : "");
  }
  if (axes !== undefined) writer.tag(NODE.inputs, WireType.LengthDelimited).string(axes);
  const { name: operatorName, domain, optionalOutputs } = node.operator;
  const outputs = optionalOutputs ? node.outputs.filter((value, i) => i === 0 || read.has(value)) : node.outputs;
  for (const output of outputs) writer.tag(NODE.outputs, WireType.LengthDelimited).string(nameOf(output));
  writer.tag(NODE.name, WireType.LengthDelimited).string(outputs[0] ? nameOf(outputs[0]) : "");
  writer.tag(NODE.operator, WireType.LengthDelimited).string(operatorName);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    if (name === "axes" && axes !== undefined) continue;
    message(writer, NODE.attributes, () => writeAttribute(writer, name, attribute));
  }
  if (domain !== "") writer.tag(NODE.domain, WireType.LengthDelimited).string(domain);
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: Attribute): void {
  writer.tag(ATTRIBUTE.name, WireType.LengthDelimited).string(name);
  switch (attribute.kind) {
    case "float":
      writer.tag(ATTRIBUTE.float, WireType.Bit32).float(attribute.value);
      break;
    case "int":
      writer.tag(ATTRIBUTE.int, WireType.Varint).int64(attribute.value);
      break;
    case "string":
      writer.tag(ATTRIBUTE.string, WireType.LengthDelimited).string(attribute.value);
      break;
    case "floats":
      for (const value of attribute.value) writer.tag(ATTRIBUTE.floats, WireType.Bit32).float(value);
      break;
    case "ints":
      for (const value of attribute.value) writer.tag(ATTRIBUTE.ints, WireType.Varint).int64(value);
      break;
  }
  writer.tag(ATTRIBUTE.type, WireType.Varint).int32(ATTRIBUTE_TYPE[attribute.kind]);
}

/** Bytes that a constant takes. */
export const constantSize = ({ shape, dtype }: Value): number => bytesInFile(dtype, elements(shape));

function constantBytes({ data, dtype }: Value): Uint8Array {
  if (dtype === "int4") return packNibbles(data as Int8Array);
  return data ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : new Uint8Array();
}

const inlineConstant = (constant: Value): Uint8Array[] => {
  return tensorParts(constant, delimited(TENSOR.raw, [constantBytes(constant)]));
};

/** An initialiser: what it is, and its data or where they are. */
function tensorParts({ name, dtype, shape }: Value, data: readonly Uint8Array[]): Uint8Array[] {
  const head = encode((writer) => {
    for (const size of shape) writer.tag(TENSOR.dims, WireType.Varint).int64(size);
    writer.tag(TENSOR.type, WireType.Varint).int32(DATA_TYPES[dtype].onnx);
    writer.tag(TENSOR.name, WireType.LengthDelimited).string(name);
  });
  return delimited(GRAPH.initializers, [head, ...data]);
}

function writeLocation(writer: BinaryWriter, location: string, offset: number, length: number): void {
  for (const [key, value] of Object.entries({ location, offset, length })) {
    message(writer, TENSOR.external, () => {
      writer.tag(ENTRY.key, WireType.LengthDelimited).string(key);
      writer.tag(ENTRY.value, WireType.LengthDelimited).string(String(value));
    });
  }
  writer.tag(TENSOR.location, WireType.Varint).int32(1);
}

function writeValue(
  writer: BinaryWriter,
  name: string,
  dtype: DataType,
  shape: Shape,
  open: Readonly<Record<number, string>> = {},
): void {
  writer.tag(VALUE.name, WireType.LengthDelimited).string(name);
  message(writer, VALUE.type, () =>
    message(writer, TYPE.tensor, () => {
      writer.tag(TENSOR_TYPE.element, WireType.Varint).int32(DATA_TYPES[dtype].onnx);
      message(writer, TENSOR_TYPE.shape, () => {
        shape.forEach((size, axis) => {
          message(writer, SHAPE.dimension, () => {
            const symbol = open[axis];
            if (symbol === undefined) writer.tag(DIMENSION.size, WireType.Varint).int64(size);
            else writer.tag(DIMENSION.name, WireType.LengthDelimited).string(symbol);
          });
        });
      });
    }),
  );
}
