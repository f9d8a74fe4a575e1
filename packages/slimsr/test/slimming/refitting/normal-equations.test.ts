import { describe, expect, it } from "vitest";
import { NetworkError } from "../../../../core/src/errors.js";
import { NormalEquations } from "../../../src/slimming/refitting/normal-equations.js";

describe("normal equations", () => {
  /** Two features that are always the same, and a constant for the bias. */
  const singular = Float64Array.of(4, 4, 2, 4, 4, 2, 2, 2, 1);

  it.each([0, 1e-30, 1e-4])("that are singular are solved, with a ridge of %d", (ridge) => {
    const start = { weight: new Float32Array(2), bias: new Float32Array(1) };
    const { weight, bias } = new NormalEquations(singular, 3, 1, ridge, "a").improve(Float64Array.of(4, 4, 2), start);
    const [first, second] = weight as unknown as [number, number];
    if (ridge > 1e-10) expect(first).toBeCloseTo(second, 3);
    // All features are 2 and the constant 1: what they are to yield is 2·(w₀ + w₁) + b = 2.
    expect(2 * (first + second) + (bias?.[0] as number)).toBeCloseTo(2, 3);
  });

  it("of nothing leave the weights as they are", () => {
    const start = { weight: Float32Array.of(1, 2) };
    const { weight } = new NormalEquations(new Float64Array(4), 2, 1, 0, "a").improve(new Float64Array(2), start);
    expect([...weight]).toEqual([1, 2]);
  });

  it("that aren't finite are refused, naming the layer", () => {
    const infinite = Float64Array.of(1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 1);
    expect(() => new NormalEquations(infinite, 2, 1, 0, "body.0")).toThrow(NetworkError);
    expect(() => new NormalEquations(infinite, 2, 1, 0, "body.0")).toThrow("the input of layer body.0 overflows");
    const equations = new NormalEquations(Float64Array.of(1, 0, 0, 1), 2, 1, 0, "body.0");
    const improve = () => equations.improve(Float64Array.of(Number.NaN, 0), { weight: new Float32Array(2) });
    expect(improve).toThrow("the output of layer body.0 overflows");
  });
});
