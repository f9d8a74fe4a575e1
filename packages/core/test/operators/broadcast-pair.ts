import type { Random } from "../../../../test/support/random.js";

/** Two shapes that broadcast: the result's, of which each loses leading axes and has others shrunk to 1 at random. */
export function broadcastPair(random: Random): [number[], number[]] {
  const full = Array.from({ length: random.integer(1, 4) }, () => random.integer(1, 3));
  const part = () =>
    full
      .slice(random.next() < 0.3 ? random.integer(0, full.length) : 0)
      .map((size) => (random.next() < 0.35 ? 1 : size));
  const [a, b] = [part(), part()];
  return random.next() < 0.5 ? [a, b] : [b, a];
}
