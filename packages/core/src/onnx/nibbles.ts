/** Integers of 4 bits, −8..7, as files have them: two a byte, the first in the lower half. */
export function packNibbles(codes: Int8Array): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(Math.ceil(codes.length / 2));
  codes.forEach((code, i) => {
    packed[i >> 1] = (packed[i >> 1] as number) | ((code & 15) << (4 * (i % 2)));
  });
  return packed;
}

/** The first `count` of them. */
export const unpackNibbles = (packed: Uint8Array, count: number): Int8Array<ArrayBuffer> =>
  // Shifted up to the sign's place and back.
  Int8Array.from({ length: count }, (_, i) => ((packed[i >> 1] as number) << (28 - 4 * (i % 2))) >> 28);
