import { afterAll, describe, expect, it } from "vitest";
import { Graph, type Node, type Shape } from "../../../../core/src/graph/index.js";
import { geometryOf } from "../../../../core/src/operators/geometry.js";
import { conv } from "../../../../core/src/operators/index.js";
import { float32, type Tensor } from "../../../../upscaler/src/engine/session.js";
import { SessionsInTurn } from "../../../src/engine/sessions-in-turn.js";
import { randomNumbers } from "../../../src/random.js";
import { EquationSums } from "../../../src/slimming/refitting/equation-sums.js";

const random = randomNumbers(7);
const uniform = (shape: readonly number[]): Tensor =>
  float32(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random() - 0.3),
    shape,
  );

interface Case {
  readonly image: readonly [number, number, number, number];
  readonly weight: readonly [number, number, number, number];
  readonly options?: Parameters<typeof conv>[3];
  readonly biased?: boolean;
}

/** Features of each group at each position, taken one by one from the definition of a convolution. */
function featuresAt(node: Node, x: Tensor, made: Shape, biased: boolean): number[][][] {
  const [height, width] = made.slice(2) as [number, number];
  const { kernel, strides, dilations, pads, group } = geometryOf(node);
  const [batch, channels, high, wide] = x.shape as [number, number, number, number];
  const each = channels / group;
  const found: number[][][] = Array.from({ length: group }, () => []);
  for (let n = 0; n < batch; n++) {
    for (let p = 0; p < height * width; p++) {
      for (let g = 0; g < group; g++) {
        const features: number[] = [];
        for (let t = 0; t < kernel[0] * kernel[1]; t++) {
          const row = Math.floor(p / width) * strides[0] + Math.floor(t / kernel[1]) * dilations[0] - pads[0];
          const column = (p % width) * strides[1] + (t % kernel[1]) * dilations[1] - pads[1];
          const inside = row >= 0 && row < high && column >= 0 && column < wide;
          for (let c = g * each; c < (g + 1) * each; c++) {
            features.push(inside ? (x.data[((n * channels + c) * high + row) * wide + column] as number) : 0);
          }
        }
        found[g]?.push(biased ? [...features, 1] : features);
      }
    }
  }
  return found;
}

/** The channels of [N, C, H, W] at each position. */
function channelsAt({ data, shape }: Tensor): number[][] {
  const [batch, channels, ...size] = shape as [number, number, number, number];
  const area = size[0] * size[1];
  return Array.from({ length: batch * area }, (_, p) =>
    Array.from(
      { length: channels },
      (_, c) => data[(Math.floor(p / area) * channels + c) * area + (p % area)] as number,
    ),
  );
}

function expectNear(found: Float64Array, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  const differences = expected.map((value, i) => Math.abs((found[i] as number) - value));
  expect(Math.max(...differences)).toBeLessThan(1e-6 * largest);
}

/** Σ left·rightᵀ over positions, row by row. */
const products = (left: readonly number[][], right: readonly number[][]): number[] =>
  (left[0] as number[]).flatMap((_, i) =>
    (right[0] as number[]).map((_, j) =>
      left.reduce((sum, at, p) => sum + (at[i] as number) * (right[p]?.[j] ?? 0), 0),
    ),
  );

describe("EquationSums", () => {
  const sessions = new SessionsInTurn({ threads: 1 });
  afterAll(() => sessions.close());

  const same = { pads: [1, 1, 1, 1] };
  const cases: Record<string, Case> = {
    "3×3": { image: [8, 5, 6, 9], weight: [4, 5, 3, 3], options: same },
    "3×3, channels and samples in whole blocks": { image: [16, 16, 7, 5], weight: [16, 16, 3, 3], options: same },
    "3×3, samples that are half a block of 8": { image: [4, 16, 8, 6], weight: [16, 16, 3, 3], options: same },
    "3×3, samples that are half a block of 16": { image: [8, 16, 8, 6], weight: [16, 16, 3, 3], options: same },
    "3×3 without a bias": { image: [3, 4, 5, 4], weight: [6, 4, 3, 3], options: same, biased: false },
    "3×3 of images that are a single row": { image: [2, 3, 1, 5], weight: [2, 3, 3, 3], options: same },
    "3×3 of images of two by one": { image: [5, 3, 2, 1], weight: [2, 3, 3, 3], options: same },
    "3×3 of one pixel": { image: [4, 3, 1, 1], weight: [2, 3, 3, 3], options: same },
    "3×3 without padding": { image: [2, 4, 6, 7], weight: [5, 4, 3, 3] },
    "3×3 by steps of 2": { image: [2, 4, 6, 8], weight: [5, 4, 3, 3], options: { ...same, strides: [2, 2] } },
    "3×3 of distant taps": {
      image: [2, 3, 7, 6],
      weight: [2, 3, 3, 3],
      options: { pads: [2, 2, 2, 2], dilations: [2, 2] },
    },
    "3×3 in groups": { image: [2, 6, 5, 5], weight: [4, 3, 3, 3], options: { ...same, group: 2 } },
    "1×1": { image: [3, 6, 4, 5], weight: [4, 6, 1, 1] },
    "5×5": { image: [2, 3, 6, 7], weight: [2, 3, 5, 5], options: { pads: [2, 2, 2, 2] } },
  };
  for (const [name, { image, weight, options, biased = true }] of Object.entries(cases)) {
    it(`sums up the equations of ${name}`, async () => {
      const graph = new Graph("convolution");
      const bias = biased ? graph.input("bias", [weight[0]]) : undefined;
      const made = conv(graph.input("x", image), graph.input("weight", weight), bias, options);
      const node = made.producer as Node;
      const groups = options?.group ?? 1;
      const sums = new EquationSums(node, { filters: weight[0], channels: weight[1], groups }, ["gram", "cross"]);
      const features: number[][][] = Array.from({ length: groups }, () => []);
      const targets: number[][] = [];
      for (let i = 0; i < 2; i++) {
        const [x, target] = [uniform(image), uniform(made.shape)];
        const batch = new Graph("batch");
        sums.declare(batch.input("x", image), batch.input("target", made.shape));
        sums.add((await (await sessions.of(batch)).run({ x, target })).outputs);
        for (const [g, at] of featuresAt(node, x, made.shape, biased).entries()) features[g]?.push(...at);
        targets.push(...channelsAt(target));
      }
      const each = weight[0] / groups;
      const partOf = (g: number) => targets.map((at) => at.slice(g * each, (g + 1) * each));
      expect(sums.positions).toBe(targets.length);
      expectNear(
        sums.gram(),
        features.flatMap((at) => products(at, at)),
      );
      expectNear(
        sums.cross(),
        features.flatMap((at, g) => products(partOf(g), at)),
      );
    });
  }

  it("rounds second moments no more than products of each sample do, however many positions there are", async () => {
    const [samples, channels, side] = [8, 16, 32];
    const shape = [samples, channels, side, side] as const;
    const graph = new Graph("convolution");
    const weight = graph.input("weight", [channels, channels, 3, 3]);
    const node = conv(graph.input("x", shape), weight, undefined, same).producer as Node;
    const sums = new EquationSums(node, { filters: channels, channels, groups: 1 }, ["gram", "cross"]);
    const x = float32(
      Float32Array.from({ length: samples * channels * side ** 2 }, () => 3 * random() + 2),
      shape,
    );
    const batch = new Graph("batch");
    sums.declare(batch.input("x", shape), batch.input("target", shape));
    sums.add((await (await sessions.of(batch)).run({ x, target: uniform(shape) })).outputs);
    const [gram, features, centre] = [sums.gram(), 9 * channels, 4 * channels];
    const found = new Float64Array(channels ** 2).map(
      (_, at) => gram[(centre + Math.floor(at / channels)) * features + centre + (at % channels)] as number,
    );
    const positions = channelsAt(x);
    expectNear(found, products(positions, positions));
  });
});
