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

let halves: Float32Array | undefined;

/** Value of each of the 65,536 IEEE 754 half-precision codes: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, code) => {
    const sign = code & 0x8000 ? -1 : 1;
    const exponent = (code >> 10) & 0x1f;
    const fraction = code & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
  return halves;
}

let bfloats: Float32Array | undefined;

/** A bfloat16 is the upper half of a float32. */
function bfloat16Table(): Float32Array {
  bfloats ??= new Float32Array(Uint32Array.from({ length: 65536 }, (_, code) => code << 16).buffer);
  return bfloats;
}
