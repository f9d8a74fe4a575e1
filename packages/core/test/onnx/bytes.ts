import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

/** Writes a field of a message. Messages are written by hand, apart from the encoder under test. */
export type Field = (writer: BinaryWriter) => void;

export const varint =
  (number: number, value: number | bigint): Field =>
  (writer) =>
    void writer.tag(number, WireType.Varint).int64(value.toString());

export const float =
  (number: number, value: number): Field =>
  (writer) =>
    void writer.tag(number, WireType.Bit32).float(value);

export const text =
  (number: number, value: string): Field =>
  (writer) =>
    void writer.tag(number, WireType.LengthDelimited).string(value);

export const raw =
  (number: number, value: Uint8Array): Field =>
  (writer) =>
    void writer.tag(number, WireType.LengthDelimited).bytes(value);

export const message =
  (number: number, ...fields: readonly Field[]): Field =>
  (writer) => {
    writer.tag(number, WireType.LengthDelimited).fork();
    for (const field of fields) field(writer);
    writer.join();
  };

/** Numbers in one field. */
export const packed =
  (number: number, values: readonly number[], write: (writer: BinaryWriter, value: number) => void): Field =>
  (writer) => {
    writer.tag(number, WireType.LengthDelimited).fork();
    for (const value of values) write(writer, value);
    writer.join();
  };

/** A group, the old form of a message, that nothing knows. */
export const group =
  (number: number, ...fields: readonly Field[]): Field =>
  (writer) => {
    writer.tag(number, WireType.StartGroup);
    for (const field of fields) field(writer);
    writer.tag(number, WireType.EndGroup);
  };

export function encode(...fields: readonly Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const field of fields) field(writer);
  return writer.finish();
}

/** Element types of TensorProto. */
export const TYPES = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  double: 11,
  bfloat16: 16,
};

/** ValueInfoProto of a tensor; sizes that are strings are open. */
export const value = (number: number, name: string, shape: readonly (number | string)[], type = TYPES.float): Field =>
  message(
    number,
    text(1, name),
    message(
      2,
      message(
        1,
        varint(1, type),
        message(2, ...shape.map((size) => message(1, typeof size === "number" ? varint(1, size) : text(2, size)))),
      ),
    ),
  );

export interface NodeParts {
  operator: string;
  inputs?: readonly string[];
  outputs?: readonly string[];
  domain?: string;
  attributes?: readonly Field[];
}

export const node = ({ operator, inputs = ["x"], outputs = ["y"], domain, attributes = [] }: NodeParts): Field =>
  message(
    1,
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, operator),
    ...attributes,
    ...(domain === undefined ? [] : [text(7, domain)]),
  );

/** AttributeProto within a node. */
export const attribute = (name: string, type: number, ...fields: readonly Field[]): Field =>
  message(5, text(1, name), ...fields, varint(20, type));

/** TensorProto among the initialisers. */
export const initializer = (name: string, type: number, dims: readonly number[], ...data: readonly Field[]): Field =>
  message(5, ...dims.map((size) => varint(1, size)), varint(2, type), text(8, name), ...data);

export interface ModelParts {
  opsets?: readonly (readonly [string, number])[];
  graph: readonly Field[];
  extra?: readonly Field[];
}

export const model = ({ opsets = [["", 17]], graph, extra = [] }: ModelParts): Uint8Array =>
  encode(
    varint(1, 8),
    ...opsets.map(([domain, version]) => message(8, text(1, domain), varint(2, version))),
    message(7, text(2, "test"), ...graph),
    ...extra,
  );

/** x → y by one node. */
export const small = (
  parts: Partial<NodeParts> = {},
  shape: readonly (number | string)[] = [2],
  more: readonly Field[] = [],
): readonly Field[] => [node({ operator: "Relu", ...parts }), value(11, "x", shape), value(12, "y", shape), ...more];
