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

/** Normally distributed numbers of mean 0 and variance 1 from uniform ones in [0, 1): Box and Muller's, two at a time. */
export function normalNumbers(random: () => number): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
