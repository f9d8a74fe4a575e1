import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { Graph } from "../../src/graph/index.js";
import { laplacian } from "../../src/objectives/laplacian.js";
import { bicubicNegatives, blurredInputs } from "../../src/objectives/negatives.js";

async function upsampled(shape: readonly [number, number, number, number], data: ArrayLike<number>, scale: number) {
  const graph = new Graph("negatives");
  graph.output("y", bicubicNegatives(graph.input("lr", shape), scale));
  const outputs = await evaluate(graph, { lr: tensor(shape, data) });
  return { shape: outputs.y?.shape, data: floats(outputs, "y") };
}

/** Weights of the four samples at −1, 0, 1, 2 for a point t between 0 and 1, a = −3/4, written out as polynomials in t. */
const weights = (t: number): number[] => [
  (-3 * t ** 3 + 6 * t ** 2 - 3 * t) / 4,
  (5 * t ** 3 - 9 * t ** 2 + 4) / 4,
  (-5 * t ** 3 + 6 * t ** 2 + 3 * t) / 4,
  (3 * t ** 3 - 3 * t ** 2) / 4,
];

/** The value at a position given in HR pixels, sixteen samples at once. */
function sample(
  pixel: (y: number, x: number) => number,
  height: number,
  width: number,
  scale: number,
  at: [number, number],
): number {
  const [y, x] = at.map((position) => (position + 0.5) / scale - 0.5) as [number, number];
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const [rows, columns] = [weights(y - top), weights(x - left)];
  const clamp = (value: number, size: number) => Math.max(0, Math.min(size - 1, value));
  let total = 0;
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < 4; j++) {
      const value = pixel(clamp(top - 1 + i, height), clamp(left - 1 + j, width));
      total += (rows[i] as number) * (columns[j] as number) * value;
    }
  }
  return total;
}

describe("negatives", () => {
  it.each([
    [2, 3, 7, 5],
    [3, 2, 4, 6],
    [4, 1, 5, 3],
    [4, 2, 1, 1],
    [2, 1, 1, 9],
    [3, 10, 2, 2],
  ])("×%i of %i patches of %i×%i are bicubic interpolations", async (scale, count, height, width) => {
    const data = new Random(scale * height).floats(count * 3 * height * width, 0, 255).map(Math.round);
    const { shape, data: found } = await upsampled([count, 3, height, width], data, scale);
    const [tall, wide] = [height * scale, width * scale];
    expect(shape).toEqual([count, 3, tall, wide]);
    for (let plane = 0; plane < count * 3; plane++) {
      const pixel = (y: number, x: number) => data[(plane * height + y) * width + x] as number;
      for (let i = 0; i < tall; i++) {
        for (let j = 0; j < wide; j++) {
          const expected = sample(pixel, height, width, scale, [i, j]);
          expect(Math.abs((found[(plane * tall + i) * wide + j] as number) - expected)).toBeLessThan(2e-4);
        }
      }
    }
  });

  it("of one colour keep it", async () => {
    const { data } = await upsampled([1, 3, 4, 4], new Float32Array(48).fill(200), 3);
    for (const value of data) expect(value).toBeCloseTo(200, 3);
  });

  it("aren't clamped: an edge overshoots on both sides", async () => {
    const edge = Float32Array.from({ length: 3 * 4 * 8 }, (_, i) => (i % 8 < 4 ? 0 : 255));
    const { data } = await upsampled([1, 3, 4, 8], edge, 4);
    expect(Math.min(...data)).toBeLessThan(-10);
    expect(Math.max(...data)).toBeGreaterThan(265);
  });
});

/** A pixel of a plane of 5×7, borders replicated. */
const pixelOf =
  (data: ArrayLike<number>, plane: number) =>
  (y: number, x: number): number =>
    data[plane * 35 + Math.max(0, Math.min(4, y)) * 7 + Math.max(0, Math.min(6, x))] as number;

describe("blurred inputs", () => {
  it("are the patches under each of K Gaussians, the widest of 2 pixels", async () => {
    const data = new Random(5).floats(2 * 35, 0, 255);
    const graph = new Graph("blurred");
    graph.output("y", blurredInputs(graph.input("lr", [2, 1, 5, 7]), 4));
    const { y } = await evaluate(graph, { lr: tensor([2, 1, 5, 7], data) });
    expect(y?.shape).toEqual([8, 1, 5, 7]);
    for (const [k, deviation] of [0.5, 1, 1.5, 2].entries()) {
      for (const sample of [0, 1]) {
        const pixel = pixelOf(data, sample);
        for (let at = 0; at < 35; at++) {
          let [total, weight] = [0, 0];
          for (let dy = -6; dy <= 6; dy++) {
            for (let dx = -6; dx <= 6; dx++) {
              if (Math.max(Math.abs(dy), Math.abs(dx)) > Math.ceil(3 * deviation)) continue;
              const each = Math.exp(-(dy ** 2 + dx ** 2) / (2 * deviation ** 2));
              total += each * pixel(Math.floor(at / 7) + dy, (at % 7) + dx);
              weight += each;
            }
          }
          expect(y?.data[(k * 2 + sample) * 35 + at]).toBeCloseTo(total / weight, 3);
        }
      }
    }
  });
});

describe("the Laplacian", () => {
  it("is what four neighbours have beyond a pixel", async () => {
    const data = new Random(6).floats(2 * 35, 0, 255);
    const graph = new Graph("laplacian");
    graph.output("y", laplacian(graph.input("x", [1, 2, 5, 7])));
    const found = floats(await evaluate(graph, { x: tensor([1, 2, 5, 7], data) }), "y");
    for (let at = 0; at < 70; at++) {
      const pixel = pixelOf(data, Math.floor(at / 35));
      const [y, x] = [Math.floor((at % 35) / 7), at % 7];
      const around = pixel(y - 1, x) + pixel(y + 1, x) + pixel(y, x - 1) + pixel(y, x + 1);
      expect(found[at]).toBeCloseTo(around - 4 * pixel(y, x), 2);
    }
  });
});
