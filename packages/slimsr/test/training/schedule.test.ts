import { describe, expect, it } from "vitest";
import { drawNegatives } from "../../src/training/negatives.js";
import { contrastiveWeightAt, learningRateAt } from "../../src/training/schedule.js";

const options = {
  learningRate: 2e-4,
  schedule: "cosine",
  steps: 100,
  warmup: 10,
  decayAt: 0.5,
  decayFactor: 0.1,
} as const;

describe("the learning rate", () => {
  it("rises over the warm-up and falls along a cosine to almost nothing", () => {
    expect(learningRateAt(1, options)).toBeCloseTo(2e-5, 10);
    expect(learningRateAt(10, options)).toBeCloseTo(2e-4, 10);
    expect(learningRateAt(11, options)).toBeCloseTo(2e-4, 10);
    expect(learningRateAt(56, options)).toBeCloseTo(1e-4, 10);
    expect(learningRateAt(100, options)).toBeLessThan(1e-7);
    expect(learningRateAt(100, options)).toBeGreaterThan(0);
  });

  it("drops once, after a share of the steps, as published", () => {
    const step = { ...options, schedule: "step", warmup: 0 } as const;
    expect(learningRateAt(50, step)).toBe(2e-4);
    expect(learningRateAt(51, step)).toBeCloseTo(2e-5, 12);
    expect(learningRateAt(100, step)).toBeCloseTo(2e-5, 12);
  });

  it("stays where it is constant", () => {
    expect([1, 50, 100].map((t) => learningRateAt(t, { ...options, schedule: "constant", warmup: 0 }))).toEqual([
      2e-4, 2e-4, 2e-4,
    ]);
  });
});

it("the contrastive loss' weight stays, rises to its value or falls to nothing", () => {
  const at = (contrastiveSchedule: "constant" | "rise" | "fall") =>
    [1, 51, 100].map((t) => contrastiveWeightAt(t, { lambdaContrastive: 20, contrastiveSchedule, steps: 100 }));
  expect(at("constant")).toEqual([20, 20, 20]);
  expect(at("rise")).toEqual([0.2, 10.2, 20]);
  expect(at("fall")[0]).toBe(20);
  expect(at("fall")[1]).toBeCloseTo(10, 10);
  expect(at("fall")[2]).toBeCloseTo(0.2, 10);
});

describe("negatives", () => {
  it("are distinct samples of the batch, a function of seed and step alone", () => {
    const drawn = drawNegatives(3, 17, 10, 16);
    expect(drawn).toEqual(drawNegatives(3, 17, 10, 16));
    expect(new Set(drawn).size).toBe(10);
    expect(drawn.every((index) => Number.isInteger(index) && index >= 0 && index < 16)).toBe(true);
    expect(drawn).not.toEqual(drawNegatives(3, 18, 10, 16));
    expect(drawn).not.toEqual(drawNegatives(4, 17, 10, 16));
  });

  it("repeat where the batch has too few", () => {
    const drawn = drawNegatives(0, 0, 10, 4);
    expect(drawn).toHaveLength(10);
    expect(new Set(drawn.slice(0, 4)).size).toBe(4);
    expect(new Set(drawn)).toEqual(new Set([0, 1, 2, 3]));
  });

  it("are drawn uniformly", () => {
    const counts = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let step = 0; step < 4000; step++) {
      const [first = 0] = drawNegatives(1, step, 2, 8);
      counts[first] = (counts[first] as number) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(100);
  });
});
