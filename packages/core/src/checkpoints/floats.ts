import { bfloat16Table, halfTable } from "../graph/halves.js";

/** Floating-point formats that checkpoints hold; all become float32 in memory. */
export type FloatFormat = "F64" | "F32" | "F16" | "BF16";

export const FLOAT_BYTES: Readonly<Record<FloatFormat, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2 };

/** Elements of one storage, addressable by index without decoding what isn't asked for. */
export interface FloatElements {
  readonly length: number;
  /** Element as float32. */
  at(index: number): number;
  /** A copy of the elements `start` to `end` as float32. */
  range(start: number, end: number): Float32Array;
}

/** View little-endian bytes as floats. Bytes that aren't aligned to their format are copied once. */
export function floatElements(bytes: Uint8Array, format: FloatFormat): FloatElements {
  const size = FLOAT_BYTES[format];
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const length = Math.floor(bytes.length / size);
  const { buffer, byteOffset } = aligned;
  if (format === "F32") {
    const floats = new Float32Array(buffer, byteOffset, length);
    return { length, at: (index) => floats[index] as number, range: (start, end) => floats.slice(start, end) };
  }
  if (format === "F64") {
    const doubles = new Float64Array(buffer, byteOffset, length);
    return {
      length,
      at: (index) => doubles[index] as number,
      range: (start, end) => Float32Array.from(doubles.subarray(start, end)),
    };
  }
  const codes = new Uint16Array(buffer, byteOffset, length);
  const table = format === "F16" ? halfTable() : bfloat16Table();
  return {
    length,
    at: (index) => table[codes[index] as number] as number,
    range: (start, end) => {
      const floats = new Float32Array(end - start);
      for (let i = start; i < end; i++) floats[i - start] = table[codes[i] as number] as number;
      return floats;
    },
  };
}
