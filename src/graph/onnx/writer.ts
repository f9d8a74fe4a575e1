import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { Attribute } from "../attributes.js";
import { type Graph, liveNodes, type Node, type Value } from "../graph.js";
import { DATA_TYPES, type DataType, type Shape } from "../types.js";
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DIMENSION,
  DOMAINS,
  ENTRY,
  GRAPH,
  IR_VERSION,
  MODEL,
  NODE,
  OPSET,
  OPSET_VERSION,
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

/** Encodes a graph as an ONNX model (opset 17, IR version 8). */
export function writeOnnx(
  graph: Graph,
  { metadata = {}, dynamicAxes = {} }: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  writer.tag(MODEL.irVersion, WireType.Varint).int64(IR_VERSION);
  writer.tag(MODEL.producer, WireType.LengthDelimited).string("slimsr");
  message(writer, MODEL.graph, () => writeGraph(writer, graph, dynamicAxes));
  const used = new Set(liveNodes(graph).map((node) => node.domain));
  for (const [domain, version] of [["", OPSET_VERSION], ...DOMAINS.map((name) => [name, 1] as const)] as const) {
    if (domain !== "" && !used.has(domain)) continue;
    message(writer, MODEL.opsets, () => {
      writer.tag(OPSET.domain, WireType.LengthDelimited).string(domain);
      writer.tag(OPSET.version, WireType.Varint).int64(version);
    });
  }
  for (const [key, value] of Object.entries(metadata)) {
    message(writer, MODEL.metadata, () => {
      writer.tag(ENTRY.key, WireType.LengthDelimited).string(key);
      writer.tag(ENTRY.value, WireType.LengthDelimited).string(value);
    });
  }
  return writer.finish();
}

function message(writer: BinaryWriter, field: number, body: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  body();
  writer.join();
}

function writeGraph(writer: BinaryWriter, graph: Graph, dynamicAxes: NonNullable<WriteOptions["dynamicAxes"]>): void {
  const live = liveNodes(graph);
  const outputs = [...graph.outputs];
  const names = new Map<Value, string>();
  for (const [name, value] of outputs) if (value.producer && !names.has(value)) names.set(value, name);
  const nameOf = (value: Value) => names.get(value) ?? value.name;
  const read = new Set<Value | undefined>([...live.flatMap((node) => node.inputs), ...graph.outputs.values()]);
  for (const node of live) message(writer, GRAPH.nodes, () => writeNode(writer, node, read, nameOf));
  // An output that is an input, a constant or an output under a second name passes through an Identity.
  for (const [name, value] of outputs.filter(([name, value]) => nameOf(value) !== name)) {
    message(writer, GRAPH.nodes, () => {
      writer.tag(NODE.inputs, WireType.LengthDelimited).string(nameOf(value));
      writer.tag(NODE.outputs, WireType.LengthDelimited).string(name);
      writer.tag(NODE.name, WireType.LengthDelimited).string(name);
      writer.tag(NODE.operator, WireType.LengthDelimited).string("Identity");
    });
  }
  writer.tag(GRAPH.name, WireType.LengthDelimited).string(graph.name);
  for (const constant of graph.constants) {
    if (read.has(constant)) message(writer, GRAPH.initializers, () => writeTensor(writer, constant));
  }
  for (const { name, dtype, shape } of graph.inputs) {
    message(writer, GRAPH.inputs, () => writeValue(writer, name, dtype, shape, dynamicAxes[name]));
  }
  for (const [name, { dtype, shape }] of outputs) {
    message(writer, GRAPH.outputs, () => writeValue(writer, name, dtype, shape, dynamicAxes[name]));
  }
}

function writeNode(
  writer: BinaryWriter,
  node: Node,
  read: ReadonlySet<Value | undefined>,
  nameOf: (value: Value) => string,
): void {
  for (const input of node.inputs) {
    writer.tag(NODE.inputs, WireType.LengthDelimited).string(input ? nameOf(input) : "");
  }
  // A pooling's indices are optional: where nothing reads them, engines take faster ways.
  const outputs =
    node.operator === "MaxPool" ? node.outputs.filter((value, i) => i === 0 || read.has(value)) : node.outputs;
  for (const output of outputs) writer.tag(NODE.outputs, WireType.LengthDelimited).string(nameOf(output));
  writer.tag(NODE.name, WireType.LengthDelimited).string(outputs[0] ? nameOf(outputs[0]) : "");
  writer.tag(NODE.operator, WireType.LengthDelimited).string(node.operator);
  for (const [name, attribute] of Object.entries(node.attributes)) {
    message(writer, NODE.attributes, () => writeAttribute(writer, name, attribute));
  }
  if (node.domain !== "") writer.tag(NODE.domain, WireType.LengthDelimited).string(node.domain);
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

function writeTensor(writer: BinaryWriter, { name, dtype, shape, data }: Value): void {
  for (const size of shape) writer.tag(TENSOR.dims, WireType.Varint).int64(size);
  writer.tag(TENSOR.type, WireType.Varint).int32(DATA_TYPES[dtype].onnx);
  writer.tag(TENSOR.name, WireType.LengthDelimited).string(name);
  if (data) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    writer.tag(TENSOR.raw, WireType.LengthDelimited).bytes(bytes);
  }
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
