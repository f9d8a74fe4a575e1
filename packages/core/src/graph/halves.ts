/** What the codes of 16-bit floats stand for. */

let halves: Float32Array | undefined;

/** Value of each of the 65,536 IEEE 754 half-precision codes: 1 sign, 5 exponent (bias 15), 10 fraction bits. */
export function halfTable(): Float32Array {
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
export function bfloat16Table(): Float32Array {
  bfloats ??= new Float32Array(Uint32Array.from({ length: 65536 }, (_, code) => code << 16).buffer);
  return bfloats;
}

/** Codes of the nearest numbers in half precision, ties to even; what is too large is infinite. */
export function toHalves(numbers: Float32Array): Uint16Array {
  const bits = new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length);
  return Uint16Array.from(numbers, (number, i) => {
    const code = bits[i] as number;
    const sign = (code >>> 16) & 0x8000;
    const size = Math.abs(number);
    if (Number.isNaN(number)) return sign | 0x7e00;
    // From the middle between the largest half and the next power of two on.
    if (size >= 65520) return sign | 0x7c00;
    // The least normal half is 2⁻¹⁴; below, halves are multiples of 2⁻²⁴.
    if (size < 2 ** -14) return sign | toEven(size * 2 ** 24);
    const exponent = ((code >>> 23) & 0xff) - 127;
    return sign | (((exponent + 15) << 10) + toEven((size / 2 ** exponent - 1) * 1024));
  });
}

/** The nearest whole number; of two that are as near, the even one. */
function toEven(number: number): number {
  const below = Math.floor(number);
  const rest = number - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}
