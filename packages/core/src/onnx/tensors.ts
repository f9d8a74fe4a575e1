import { OnnxError } from "../errors.js";
import { bfloat16Table, halfTable } from "../graph/halves.js";
import { bytesInFile, DATA_TYPES, type DataType, elements, type Shape, type TensorData } from "../graph/types.js";
import type { AttributeMessage, TensorMessage } from "./messages.js";
import { unpackNibbles } from "./nibbles.js";

/** A tensor as an ONNX file holds it. */
export interface ReadTensor {
  readonly dtype: DataType;
  readonly shape: Shape;
  readonly data: TensorData;
}

/** @throws OnnxError naming `what` has a type that isn't supported */
export function dataType(element: number, what: string): DataType {
  const names = Object.keys(DATA_TYPES) as DataType[];
  const found = names.find((name) => DATA_TYPES[name].onnx === element);
  if (!found) throw new OnnxError(`${what} has element type ${element}, which is not supported`);
  return found;
}

export function readTensor(tensor: TensorMessage, name: string): ReadTensor {
  const dtype = dataType(tensor.type, `tensor ${name}`);
  return { dtype, shape: tensor.dims, data: tensorData(tensor, dtype, name) };
}

/** What a Constant node holds, in any of the forms that there are for numbers. @throws OnnxError for text, or nothing */
export function readConstant(attributes: readonly AttributeMessage[], name: string, what: string): ReadTensor {
  for (const { name: form, tensor, float, floats, int, ints } of attributes) {
    if (form === "value" && tensor) return readTensor(tensor, name);
    if (form === "value_float") return { dtype: "float32", shape: [], data: Float32Array.of(float) };
    if (form === "value_floats") return { dtype: "float32", shape: [floats.length], data: Float32Array.from(floats) };
    if (form === "value_int") return { dtype: "int64", shape: [], data: BigInt64Array.of(BigInt(int)) };
    if (form === "value_ints") {
      return { dtype: "int64", shape: [ints.length], data: BigInt64Array.from(ints, BigInt) };
    }
    if (form.startsWith("value_string")) throw new OnnxError(`${what}: a constant of text, which is not supported`);
  }
  throw new OnnxError(`${what}: a constant without a tensor`);
}

/** A tensor of halves in single precision; any other as it is. */
export function withoutHalves(tensor: ReadTensor): ReadTensor {
  const { dtype, shape, data } = tensor;
  if (dtype !== "float16" && dtype !== "bfloat16") return tensor;
  const table = dtype === "float16" ? halfTable() : bfloat16Table();
  return { dtype: "float32", shape, data: Float32Array.from(data as Uint16Array, (code) => table[code] as number) };
}

function tensorData(tensor: TensorMessage, dtype: DataType, name: string): TensorData {
  const { array, bytes } = DATA_TYPES[dtype];
  const count = elements(tensor.dims);
  if (tensor.raw && tensor.raw.length > 0) {
    if (tensor.raw.length !== bytesInFile(dtype, count)) {
      throw new OnnxError(`tensor ${name}: ${tensor.raw.length} bytes don't hold ${count} elements of ${dtype}`);
    }
    if (dtype === "int4") return unpackNibbles(tensor.raw, count);
    // A copy of exactly these bytes; slice() of Node's Buffer would be a view of the whole file.
    return new array(new Uint8Array(tensor.raw).buffer);
  }
  const listed = [tensor.floats, tensor.int64s, tensor.int32s, tensor.doubles].find((list) => list.length > 0) ?? [];
  if (dtype === "int4") {
    if (listed.length === bytesInFile(dtype, count)) return unpackNibbles(Uint8Array.from(listed), count);
    throw new OnnxError(`tensor ${name}: ${listed.length} bytes don't hold ${count} elements of ${dtype}`);
  }
  if (listed.length !== count) throw new OnnxError(`tensor ${name}: ${listed.length} of ${count} elements are there`);
  if (dtype === "int64") return BigInt64Array.from(listed, BigInt);
  const data = new array(new ArrayBuffer(count * bytes)) as Exclude<TensorData, BigInt64Array>;
  data.set(listed);
  return data;
}
