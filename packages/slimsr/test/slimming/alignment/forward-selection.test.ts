import { describe, expect, it } from "vitest";
import { randomNumbers } from "../../../src/random.js";
import { Selection } from "../../../src/slimming/alignment/forward-selection.js";
import { identityMatrix, multiply, traceOf } from "../../../src/slimming/linear-algebra/matrices.js";

/** X·Xᵀ of n random rows. */
function gram(n: number, seed: number): Float64Array {
  const random = randomNumbers(seed);
  const root = Float64Array.from({ length: n * n }, () => random() - 0.5);
  return multiply(root, root, n, true);
}

describe("a selection of channels", () => {
  it("gains, channel by channel, all that the output lacks", () => {
    const n = 7;
    const taps = [1, 2].map((seed) => ({ second: gram(n, seed), gradient: gram(n, seed + 10) }));
    const selection = new Selection(taps, n);
    const all = taps.reduce((sum, { second, gradient }) => sum + traceOf(multiply(gradient, second, n), n), 0);
    let gained = 0;
    for (const c of [3, 0, 6, 1, 5, 2, 4]) {
      const gain = selection.gain(c);
      expect(gain).toBeGreaterThanOrEqual(0);
      gained += gain;
      selection.add(c);
      expect(Math.abs(selection.gain(c))).toBeLessThan(1e-9 * all);
    }
    expect(gained).toBeCloseTo(all, 9);
  });

  it("gains nothing by a channel that the kept ones predict, and what it is worth by an independent one", () => {
    // Channel 1 is twice channel 0; channel 2 is independent of both.
    const second = Float64Array.of(1, 2, 0, 2, 4, 0, 0, 0, 3);
    const selection = new Selection([{ second, gradient: identityMatrix(3) }], 3);
    expect([0, 1, 2].map((c) => selection.gain(c))).toEqual([5, 5, 3]);
    selection.add(1);
    expect([0, 1, 2].map((c) => selection.gain(c))).toEqual([0, 0, 3]);
    const idle = new Selection([{ second: new Float64Array(9), gradient: identityMatrix(3) }], 3);
    expect(idle.gain(0)).toBe(0);
  });
});
