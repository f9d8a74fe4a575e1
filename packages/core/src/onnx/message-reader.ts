import { WireType } from "@bufbuild/protobuf/wire";
import { OnnxError } from "../errors.js";
import { misplaced } from "../misplaced.js";
import type {
  AttributeMessage,
  FunctionMessage,
  GraphMessage,
  ModelMessage,
  NodeMessage,
  TensorMessage,
  ValueMessage,
} from "./messages.js";
import {
  ATTRIBUTE,
  DIMENSION,
  ENTRY,
  FUNCTION,
  GRAPH,
  MODEL,
  NODE,
  OPSET,
  SHAPE,
  TENSOR,
  TENSOR_TYPE,
  TYPE,
  VALUE,
} from "./schema.js";
import { StrictReader } from "./strict-reader.js";

type Fields = Record<number, (reader: StrictReader, wire: WireType) => void>;

/** Reads one message; fields that are not named are skipped. */
function readMessage(reader: StrictReader, end: number, fields: Fields): void {
  if (end > reader.len) throw new OnnxError(`truncated: a message ends at byte ${end} of ${reader.len}`);
  while (reader.pos < end) {
    const [number, wire] = reader.tag();
    const field = fields[number];
    if (field) field(reader, wire);
    else reader.skip(wire, number);
  }
  if (reader.pos !== end) throw new OnnxError(`damaged: a field runs past the end of its message at byte ${end}`);
}

function nested<T>(reader: StrictReader, target: T, fields: (target: T) => Fields): T {
  const end = reader.enter();
  readMessage(reader, end, fields(target));
  reader.leave();
  return target;
}

const int64 = (reader: StrictReader): number => {
  const value = Number(reader.int64());
  if (!Number.isSafeInteger(value)) {
    // INT64_MAX and INT64_MIN stand for "to the end" in Slice.
    return value > 0 ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
  }
  return value;
};

/** A repeated number, packed or not. */
function numbers(reader: StrictReader, wire: WireType, into: number[], read: (reader: StrictReader) => number): void {
  if (wire !== WireType.LengthDelimited) {
    into.push(read(reader));
    return;
  }
  const end = reader.packed();
  if (end > reader.len) throw new OnnxError(`truncated: numbers end at byte ${end} of ${reader.len}`);
  while (reader.pos < end) into.push(read(reader));
}

export function readModelMessage(bytes: Uint8Array): ModelMessage {
  const other = misplaced(bytes);
  if (other !== undefined && bytes.length > 0) throw new OnnxError(other);
  const reader = new StrictReader(bytes);
  const model: ModelMessage = { opsets: [], functions: [], training: false, metadata: {} };
  readMessage(reader, bytes.length, {
    [MODEL.graph]: (r) => {
      // A message that comes twice is one of both's fields, as protobuf has it: none hides another.
      model.graph = nested(r, model.graph ?? emptyGraph(), graphFields);
    },
    [MODEL.functions]: (r) => {
      model.functions.push(nested(r, { name: "", domain: "", nodes: [], attributes: [] }, functionFields));
    },
    [MODEL.training]: (r, wire) => {
      model.training = true;
      r.skip(wire, MODEL.training);
    },
    [MODEL.opsets]: (r) => {
      model.opsets.push(
        nested(r, { domain: "", version: 0 }, (opset) => ({
          [OPSET.domain]: (field) => {
            opset.domain = field.string();
          },
          [OPSET.version]: (field) => {
            opset.version = int64(field);
          },
        })),
      );
    },
    [MODEL.metadata]: (r) => {
      const { key, value } = readEntry(r);
      model.metadata[key] = value;
    },
  });
  return model;
}

const readEntry = (reader: StrictReader): { key: string; value: string } =>
  nested(reader, { key: "", value: "" }, (entry) => ({
    [ENTRY.key]: (field) => {
      entry.key = field.string();
    },
    [ENTRY.value]: (field) => {
      entry.value = field.string();
    },
  }));

const emptyGraph = (): GraphMessage => ({
  ...{ name: "", nodes: [], initializers: [], inputs: [], outputs: [], sparse: false },
});

const graphFields = (graph: GraphMessage): Fields => ({
  [GRAPH.name]: (r) => {
    graph.name = r.string();
  },
  [GRAPH.nodes]: (r) => {
    graph.nodes.push(nested(r, emptyNode(), nodeFields));
  },
  [GRAPH.initializers]: (r) => {
    graph.initializers.push(nested(r, emptyTensor(), tensorFields));
  },
  [GRAPH.inputs]: (r) => {
    graph.inputs.push(nested(r, { name: "", element: 0 }, valueFields));
  },
  [GRAPH.outputs]: (r) => {
    graph.outputs.push(nested(r, { name: "", element: 0 }, valueFields));
  },
  [GRAPH.sparse]: (r, wire) => {
    graph.sparse = true;
    r.skip(wire, GRAPH.sparse);
  },
});

const functionFields = (body: FunctionMessage): Fields => ({
  [FUNCTION.name]: (r) => {
    body.name = r.string();
  },
  [FUNCTION.domain]: (r) => {
    body.domain = r.string();
  },
  [FUNCTION.nodes]: (r) => {
    body.nodes.push(nested(r, emptyNode(), nodeFields));
  },
  [FUNCTION.attributes]: (r) => {
    body.attributes.push(nested(r, emptyAttribute(), attributeFields));
  },
});

const emptyNode = (): NodeMessage => ({ inputs: [], outputs: [], operator: "", domain: "", attributes: [] });

const nodeFields = (node: NodeMessage): Fields => ({
  [NODE.inputs]: (r) => {
    node.inputs.push(r.string());
  },
  [NODE.outputs]: (r) => {
    node.outputs.push(r.string());
  },
  [NODE.operator]: (r) => {
    node.operator = r.string();
  },
  [NODE.domain]: (r) => {
    node.domain = r.string();
  },
  [NODE.attributes]: (r) => {
    node.attributes.push(nested(r, emptyAttribute(), attributeFields));
  },
});

const emptyAttribute = (): AttributeMessage => ({
  ...{ name: "", type: 0, float: 0, int: 0, string: "" },
  ...{ tensors: [], graphs: [], floats: [], ints: [], sparse: false },
});

const attributeFields = (attribute: AttributeMessage): Fields => ({
  [ATTRIBUTE.name]: (r) => {
    attribute.name = r.string();
  },
  [ATTRIBUTE.type]: (r) => {
    attribute.type = r.int32();
  },
  [ATTRIBUTE.float]: (r) => {
    attribute.float = r.float();
  },
  [ATTRIBUTE.int]: (r) => {
    attribute.int = int64(r);
  },
  [ATTRIBUTE.string]: (r) => {
    attribute.string = r.string();
  },
  [ATTRIBUTE.tensor]: (r) => {
    attribute.tensor = nested(r, attribute.tensor ?? emptyTensor(), tensorFields);
  },
  [ATTRIBUTE.tensors]: (r) => {
    attribute.tensors.push(nested(r, emptyTensor(), tensorFields));
  },
  [ATTRIBUTE.graph]: (r) => {
    attribute.graph = nested(r, attribute.graph ?? emptyGraph(), graphFields);
  },
  [ATTRIBUTE.graphs]: (r) => {
    attribute.graphs.push(nested(r, emptyGraph(), graphFields));
  },
  [ATTRIBUTE.sparse]: (r, wire) => {
    attribute.sparse = true;
    r.skip(wire, ATTRIBUTE.sparse);
  },
  [ATTRIBUTE.sparses]: (r, wire) => {
    attribute.sparse = true;
    r.skip(wire, ATTRIBUTE.sparses);
  },
  [ATTRIBUTE.floats]: (r, wire) => numbers(r, wire, attribute.floats, (field) => field.float()),
  [ATTRIBUTE.ints]: (r, wire) => numbers(r, wire, attribute.ints, int64),
});

const emptyTensor = (): TensorMessage => ({
  name: "",
  type: 0,
  dims: [],
  floats: [],
  int32s: [],
  int64s: [],
  doubles: [],
  external: false,
  place: {},
});

const tensorFields = (tensor: TensorMessage): Fields => ({
  [TENSOR.name]: (r) => {
    tensor.name = r.string();
  },
  [TENSOR.type]: (r) => {
    tensor.type = r.int32();
  },
  [TENSOR.dims]: (r, wire) => numbers(r, wire, tensor.dims, int64),
  [TENSOR.raw]: (r) => {
    tensor.raw = r.bytes();
  },
  [TENSOR.floats]: (r, wire) => numbers(r, wire, tensor.floats, (field) => field.float()),
  [TENSOR.int32s]: (r, wire) => numbers(r, wire, tensor.int32s, (field) => field.int32()),
  [TENSOR.int64s]: (r, wire) => numbers(r, wire, tensor.int64s, int64),
  [TENSOR.doubles]: (r, wire) => numbers(r, wire, tensor.doubles, (field) => field.double()),
  [TENSOR.external]: (r) => {
    tensor.external = true;
    const { key, value } = readEntry(r);
    tensor.place[key] = value;
  },
  [TENSOR.location]: (r) => {
    const location = r.int32();
    tensor.external ||= location === 1;
  },
});

const valueFields = (value: ValueMessage): Fields => ({
  [VALUE.name]: (r) => {
    value.name = r.string();
  },
  [VALUE.type]: (r) => {
    nested(r, value, () => ({
      [TYPE.tensor]: (type) => {
        nested(type, value, () => ({
          [TENSOR_TYPE.element]: (field) => {
            value.element = field.int32();
          },
          [TENSOR_TYPE.shape]: (field) => {
            const shape = value.shape ?? [];
            value.shape = shape;
            nested(field, shape, () => ({ [SHAPE.dimension]: (dimension) => shape.push(readDimension(dimension)) }));
          },
        }));
      },
    }));
  },
});

function readDimension(reader: StrictReader): number | string {
  return nested<{ size: number | string }>(reader, { size: "?" }, (target) => ({
    [DIMENSION.size]: (field) => {
      target.size = int64(field);
    },
    [DIMENSION.name]: (field) => {
      target.size = field.string();
    },
  })).size;
}
