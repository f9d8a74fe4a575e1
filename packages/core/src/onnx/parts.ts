import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Protobuf messages laid out in parts, none of which is copied before all are there: constants can be most of the memory there is. */

export function encode(write: (writer: BinaryWriter) => unknown): Uint8Array {
  const writer = new BinaryWriter();
  write(writer);
  return writer.finish();
}

export const sizeOf = (parts: readonly Uint8Array[]): number => parts.reduce((sum, part) => sum + part.length, 0);

export function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(sizeOf(parts));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A field that holds a message, or bytes. */
export const delimited = (number: number, body: readonly Uint8Array[]): Uint8Array[] => [
  encode((writer) => writer.tag(number, WireType.LengthDelimited).uint32(sizeOf(body))),
  ...body,
];
