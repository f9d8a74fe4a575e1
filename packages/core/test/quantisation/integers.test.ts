import { expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { leastErrorScale, onGrid } from "../../src/quantisation/integers.js";

it("a range is that of least error, and that of the integers which numbers are on already", () => {
  const numbers = new Random(4).floats(4000, -3, 2);
  const scale = leastErrorScale(numbers);
  const errorOf = (each: typeof scale, of: Float32Array) =>
    onGrid(of, each).reduce((sum, x, i) => sum + (x - (of[i] as number)) ** 2, 0);
  const whole = { scale: 6 / 255, zeroPoint: 153 };
  expect(errorOf(scale, numbers)).toBeLessThan(errorOf(whole, numbers));
  expect(leastErrorScale(numbers, [whole])).toEqual(scale);
  // Of two activations side by side one needn't be rounded anew.
  const [before, other] = [
    { scale: 5.1 / 255, zeroPoint: 153 },
    { scale: 5.2 / 255, zeroPoint: 152 },
  ];
  const both = Float32Array.from([...onGrid(numbers, before), ...onGrid(new Random(5).floats(4000, -3, 2), other)]);
  expect(leastErrorScale(both, [before])).toEqual(before);
  expect(errorOf(before, both)).toBeLessThan(0.7 * errorOf(leastErrorScale(both), both));
});
