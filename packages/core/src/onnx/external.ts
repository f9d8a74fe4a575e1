import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { OnnxError } from "../errors.js";
import { ATTRIBUTE, FUNCTION, GRAPH, MODEL, NODE, SPARSE, TENSOR, TRAINING } from "./schema.js";

/** A kind of message by its fields that lead to tensors; a tensor has none. */
type Kind = Readonly<Record<number, () => Kind>>;

const tensor: Kind = {};
const sparse: Kind = { [SPARSE.values]: () => tensor, [SPARSE.indices]: () => tensor };
const attribute: Kind = {
  [ATTRIBUTE.tensor]: () => tensor,
  [ATTRIBUTE.tensors]: () => tensor,
  [ATTRIBUTE.graph]: () => graph,
  [ATTRIBUTE.graphs]: () => graph,
  [ATTRIBUTE.sparse]: () => sparse,
  [ATTRIBUTE.sparses]: () => sparse,
};
const node: Kind = { [NODE.attributes]: () => attribute };
const graph: Kind = {
  [GRAPH.nodes]: () => node,
  [GRAPH.initializers]: () => tensor,
  [GRAPH.sparse]: () => sparse,
};
const model: Kind = {
  [MODEL.graph]: () => graph,
  [MODEL.training]: () => ({ [TRAINING.initialization]: () => graph, [TRAINING.algorithm]: () => graph }),
  [MODEL.functions]: () => ({ [FUNCTION.nodes]: () => node, [FUNCTION.attributes]: () => attribute }),
};

/** Messages within one another, as many as protobuf's own readers take. */
const DEEPEST = 100;

/**
 * Refuses a model of which any tensor lies in another file: an initialiser, a constant, one in a branch, a loop or a function. An
 * engine that is given bytes would look for that file in the folder where the process happens to run.
 * @throws OnnxError for such a model, and for bytes that are no messages
 */
export function refuseExternalData(onnx: Uint8Array, name: string): void {
  try {
    visit(new BinaryReader(onnx), onnx.length, model, name, 0);
  } catch (error) {
    if (error instanceof OnnxError) throw error;
    throw new OnnxError(`${name} is damaged or not an ONNX model: ${(error as Error).message}`, { cause: error });
  }
}

function visit(reader: BinaryReader, end: number, kind: Kind, name: string, depth: number): void {
  if (end > reader.len || depth > DEEPEST) throw new OnnxError(`${name} is damaged: a message ends at byte ${end}`);
  while (reader.pos < end) {
    const [field, wire] = reader.tag();
    const inner = wire === WireType.LengthDelimited ? kind[field]?.() : undefined;
    if (inner) {
      const length = reader.uint32();
      visit(reader, reader.pos + length, inner, name, depth + 1);
    } else if (kind === tensor && isElsewhere(reader, field, wire)) {
      throw new OnnxError(`${name} keeps values in another file; save the model as one file`);
    } else {
      reader.skip(wire, field);
    }
  }
  if (reader.pos !== end)
    throw new OnnxError(`${name} is damaged: a field runs past the end of its message at byte ${end}`);
}

/** Whether a tensor's field says that its data lie in another file. Nothing is read past it otherwise. */
function isElsewhere(reader: BinaryReader, field: number, wire: WireType): boolean {
  if (field === TENSOR.external) return true;
  if (field !== TENSOR.location || wire !== WireType.Varint) return false;
  const at = reader.pos;
  const location = reader.int32();
  reader.pos = at;
  return location === 1;
}
