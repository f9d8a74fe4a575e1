import { BinaryReader } from "@bufbuild/protobuf/wire";
import { OnnxError } from "../errors.js";
import type { External } from "./external.js";
import type { TensorMessage } from "./messages.js";
import { concatenate, delimited, sizeOf } from "./parts.js";
import { readPermitted } from "./permitted.js";
import { GRAPH, MODEL, TENSOR } from "./schema.js";

/** What protobuf's readers take, and ONNX therefore asks of a file. */
const MOST_BYTES = 2 ** 31 - 1;

/**
 * A model of one file: data of initialisers that lie in files beside it are put inside; all else stays, byte by byte.
 * @throws OnnxError as `readPermitted`, and where the whole is larger than a file of ONNX can be
 */
export function inlineExternal(bytes: Uint8Array, external: External): Uint8Array {
  const { initializers } = readPermitted(bytes, external).graph;
  if (initializers.every(({ place }) => place.location === undefined)) return bytes;
  let next = 0;
  const tensor = (body: Uint8Array): Uint8Array[] => {
    const { place, raw } = initializers[next++] as TensorMessage;
    return place.location === undefined || !raw ? [body] : [...withoutPlace(body), ...delimited(TENSOR.raw, [raw])];
  };
  const graph = (body: Uint8Array) => rewritten(body, GRAPH.initializers, tensor);
  const parts = rewritten(bytes, MODEL.graph, graph);
  if (sizeOf(parts) > MOST_BYTES) {
    throw new OnnxError(
      `takes ${(sizeOf(parts) / 2 ** 30).toFixed(1)} GiB with the weights that lie beside it, and a file of ONNX 2 at most: name a smaller network`,
    );
  }
  return concatenate(parts);
}

/** A message in which the fields of one number have other contents. */
function rewritten(message: Uint8Array, number: number, content: (body: Uint8Array) => Uint8Array[]): Uint8Array[] {
  return fieldsOf(message).flatMap((field) =>
    field.number === number ? delimited(number, content(field.body())) : [field.whole],
  );
}

const withoutPlace = (tensor: Uint8Array): Uint8Array[] => {
  const left: readonly number[] = [TENSOR.external, TENSOR.location, TENSOR.raw];
  return fieldsOf(tensor).flatMap(({ number, whole }) => (left.includes(number) ? [] : [whole]));
};

interface Field {
  readonly number: number;
  /** The field with its tag. */
  readonly whole: Uint8Array;
  /** What a field holds that has a length. */
  readonly body: () => Uint8Array;
}

function fieldsOf(message: Uint8Array): Field[] {
  const reader = new BinaryReader(message);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [number, wire] = reader.tag();
    const held = reader.pos;
    reader.skip(wire, number);
    const body = () => new BinaryReader(message.subarray(held)).bytes();
    fields.push({ number, whole: message.subarray(start, reader.pos), body });
  }
  return fields;
}
