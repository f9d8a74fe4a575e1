import { describe, expect, it } from "vitest";
import { randomNumbers } from "../../../src/random.js";
import { cholesky } from "../../../src/slimming/linear-algebra/cholesky.js";

describe("Cholesky factors", () => {
  it.each([1, 3, 4, 6])("solve systems of any size for %i right-hand sides", (count) => {
    const random = randomNumbers(3);
    for (const n of [1, 2, 3, 4, 5, 8, 17, 64, 65]) {
      const root = Float64Array.from({ length: n * n }, () => random() - 0.5);
      const a = new Float64Array(n * n);
      for (let i = 0; i < n; i++)
        for (let j = 0; j < n; j++) {
          let sum = i === j ? 0.1 : 0;
          for (let k = 0; k < n; k++) sum += (root[i * n + k] as number) * (root[j * n + k] as number);
          a[i * n + j] = sum;
        }
      const x = Float64Array.from({ length: count * n }, () => random() - 0.5);
      const b = x.map((_, at) => {
        const [row, i] = [Math.floor(at / n), at % n];
        let sum = 0;
        for (let k = 0; k < n; k++) sum += (a[i * n + k] as number) * (x[row * n + k] as number);
        return sum;
      });
      const factor = cholesky(a, n);
      factor?.solve(b);
      x.forEach((value, i) => {
        expect(b[i]).toBeCloseTo(value, 9);
      });
    }
  });

  it("are undefined for matrices that are not positive definite", () => {
    expect(cholesky(Float64Array.of(1, 2, 2, 1), 2)).toBeUndefined();
    expect(cholesky(new Float64Array(25), 5)).toBeUndefined();
    expect(cholesky(Float64Array.of(Number.NaN), 1)).toBeUndefined();
  });
});
