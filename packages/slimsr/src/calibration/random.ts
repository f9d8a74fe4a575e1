/** Uniform numbers in [0, 1) from a seed: mulberry32, 32 bits of state. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Arrays of −1 and 1, equally likely, from a seed. */
export function randomSigns(seed: number): (length: number) => Float32Array {
  const random = randomNumbers(seed);
  return (length) => Float32Array.from({ length }, () => (random() < 0.5 ? -1 : 1));
}
