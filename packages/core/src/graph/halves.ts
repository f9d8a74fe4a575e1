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
