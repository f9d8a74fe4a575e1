import { BinaryReader } from "@bufbuild/protobuf/wire";
import { delimited } from "./parts.js";

/** Fields of protobuf messages as they stand in a file, so that what isn't changed stays byte by byte. The file was read before: it is sound. */

export interface Field {
  readonly number: number;
  /** The field with its tag. */
  readonly whole: Uint8Array;
  /** What a field holds that has a length. */
  readonly body: () => Uint8Array;
}

export function fieldsOf(message: Uint8Array): Field[] {
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

/** A message in which the fields of one number have other contents. */
export function rewritten(
  message: Uint8Array,
  number: number,
  content: (body: Uint8Array) => readonly Uint8Array[],
): Uint8Array[] {
  return fieldsOf(message).flatMap((field) =>
    field.number === number ? delimited(number, content(field.body())) : [field.whole],
  );
}

/** A message without the fields of some numbers. */
export const without = (message: Uint8Array, numbers: readonly number[]): Uint8Array[] =>
  fieldsOf(message).flatMap(({ number, whole }) => (numbers.includes(number) ? [] : [whole]));
