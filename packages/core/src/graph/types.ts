/** Element types and the typed arrays that hold them. */

export type TensorData =
  | Float32Array
  | Float64Array
  | Uint16Array
  | Uint8Array
  | Int8Array
  | Int32Array
  | BigInt64Array;

interface DataTypeInfo {
  /** ONNX `TensorProto.DataType`. */
  readonly onnx: number;
  readonly bytes: number;
  readonly array: new (buffer: ArrayBuffer) => TensorData;
}

/** `float16` and `bfloat16` are held as their bits; `bool` as bytes 0 and 1; `int4` one a byte, which files pack. */
export const DATA_TYPES = {
  float32: { onnx: 1, bytes: 4, array: Float32Array },
  uint8: { onnx: 2, bytes: 1, array: Uint8Array },
  int8: { onnx: 3, bytes: 1, array: Int8Array },
  int32: { onnx: 6, bytes: 4, array: Int32Array },
  int64: { onnx: 7, bytes: 8, array: BigInt64Array },
  bool: { onnx: 9, bytes: 1, array: Uint8Array },
  float16: { onnx: 10, bytes: 2, array: Uint16Array },
  float64: { onnx: 11, bytes: 8, array: Float64Array },
  bfloat16: { onnx: 16, bytes: 2, array: Uint16Array },
  int4: { onnx: 22, bytes: 1, array: Int8Array },
} as const satisfies Record<string, DataTypeInfo>;

export type DataType = keyof typeof DATA_TYPES;

/** Bytes that so many elements take in a file: two of int4 share one. */
export const bytesInFile = (dtype: DataType, count: number): number =>
  dtype === "int4" ? Math.ceil(count / 2) : count * DATA_TYPES[dtype].bytes;

export type Shape = readonly number[];

/** The product of the sizes; 1 for a scalar. */
export const elements = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((size, i) => size === b[i]);

/** Sizes are whole numbers from 0. */
export const isShape = (shape: Shape): boolean => shape.every((size) => Number.isSafeInteger(size) && size >= 0);

/** "[64, 3]", as errors of graphs show shapes. */
export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** "64×3×3×3", or "scalar", as checkpoints' tensors are shown; of bounded length, for files may claim any number of axes. */
export function showDimensions(shape: Shape): string {
  if (shape.length > 8) return `of ${shape.length} dimensions`;
  return shape.length === 0 ? "scalar" : shape.join("×");
}

/** A size that may stand at index `axis`, counted from the end when negative; undefined when out of range. */
export const normaliseAxis = (axis: number, rank: number): number | undefined => {
  const positive = axis < 0 ? axis + rank : axis;
  return Number.isInteger(axis) && positive >= 0 && positive < rank ? positive : undefined;
};
