import { expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { roundedRows } from "../../src/quantisation/rounding.js";

/** Features that are much alike, the constant last, and Σ a·aᵀ of them. */
function correlated(features: number, samples: number): { rows: number[][]; gram: Float64Array } {
  const random = new Random(3);
  const rows = Array.from({ length: samples }, () => {
    const common = random.uniform(0, 4);
    return [...Array.from({ length: features - 1 }, () => common + random.uniform(0, 1)), 1];
  });
  const gram = new Float64Array(features ** 2);
  for (const row of rows) {
    for (let at = 0; at < features ** 2; at++) {
      gram[at] = (gram[at] as number) + (row[Math.floor(at / features)] as number) * (row[at % features] as number);
    }
  }
  return { rows, gram };
}

it("rounding makes up for what is lost, so that outputs are nearer than by rounding each weight", () => {
  const [filters, features] = [4, 19];
  const { rows, gram } = correlated(features, 400);
  const random = new Random(8);
  const [weight, bias] = [random.floats(filters * (features - 1)), random.floats(filters)];
  const {
    codes,
    scales,
    bias: own,
  } = roundedRows({ weight, bias, gram, taps: 1, ridge: 1e-6 }, { largest: 7, inputScale: 0.01 });
  expect(Math.max(...codes.map(Math.abs))).toBeLessThanOrEqual(7);
  const errorOf = (weights: (o: number, f: number) => number, biases: ArrayLike<number>): number => {
    let sum = 0;
    for (const row of rows) {
      for (let o = 0; o < filters; o++) {
        let difference = (biases[o] as number) - (bias[o] as number);
        for (let f = 0; f < features - 1; f++) {
          difference += (row[f] as number) * (weights(o, f) - (weight[o * (features - 1) + f] as number));
        }
        sum += difference ** 2;
      }
    }
    return sum;
  };
  const at = (o: number, f: number) => o * (features - 1) + f;
  const scaleOf = (o: number) => scales[o] as number;
  const nearest = errorOf((o, f) => Math.round((weight[at(o, f)] as number) / scaleOf(o)) * scaleOf(o), bias);
  const rounded = errorOf((o, f) => (codes[at(o, f)] as number) * scaleOf(o), own);
  expect(rounded).toBeLessThan(0.3 * nearest);
});

it("weights that are integers stay what they are", () => {
  const { gram } = correlated(5, 50);
  const weight = Float32Array.of(127, -3, 0, 64, -127, 1, 2, 3);
  const bias = Float32Array.of(0.5, -2);
  const made = roundedRows({ weight, bias, gram, taps: 1, ridge: 1e-9 }, { largest: 127, inputScale: 1 });
  expect([...made.scales]).toEqual([1, 1]);
  expect([...made.codes]).toEqual([...weight]);
  expect([...made.bias]).toEqual([...bias].map((b) => expect.closeTo(b, 6)));
});
