import { describe, expect, it } from "vitest";
import { evaluate, number, tensor } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { elements, Graph, type Shape, type Value } from "../../src/graph/index.js";
import { contrastiveLoss, type RatioForm, TAP_WEIGHTS } from "../../src/objectives/contrastive.js";
import { laplacian } from "../../src/objectives/laplacian.js";
import { mul } from "../../src/operators/index.js";
import { testGradient } from "../operators/gradients.js";

/** Shapes of a sample's features at the five taps. */
const TAPS: Shape[] = [
  [2, 4, 5],
  [3, 2, 2],
  [4, 2, 1],
  [5, 1, 1],
  [1, 1, 1],
];

interface Features {
  student: Float32Array[];
  teacher: Float32Array[];
  negatives: Float32Array[];
}

function draw(batch: number, negatives: number, random: Random): Features {
  const of = (count: number) => TAPS.map((shape) => random.floats(count * elements(shape), 0, 5));
  return { student: of(batch), teacher: of(batch), negatives: of(negatives) };
}

async function evaluated(batch: number, negatives: number, features: Features, form: RatioForm, images = 1) {
  const graph = new Graph("loss");
  const inputs = (name: string, count: number) =>
    TAPS.map((shape, j) => graph.input(`${name}.${j}`, [count, ...shape]));
  const [s, t, n] = [inputs("student", batch), inputs("teacher", batch), inputs("negatives", negatives)];
  const { loss, positive, negative } = contrastiveLoss(s, t, n, form, TAP_WEIGHTS, images);
  graph.output("loss", loss);
  positive.forEach((value, j) => {
    graph.output(`positive.${j}`, value);
  });
  negative.forEach((value, j) => {
    graph.output(`negative.${j}`, value);
  });
  const feeds = Object.fromEntries(
    Object.entries(features).flatMap(([name, taps]: [string, Float32Array[]]) =>
      taps.map((data, j) => [
        `${name}.${j}`,
        tensor([name === "negatives" ? negatives : batch, ...(TAPS[j] as Shape)], data),
      ]),
    ),
  );
  const outputs = await evaluate(graph, feeds);
  const taps = (name: string) => TAPS.map((_, j) => number(outputs, `${name}.${j}`));
  return { loss: number(outputs, "loss"), positive: taps("positive"), negative: taps("negative") };
}

/** Mean absolute difference of sample a of one tensor and sample b of another. */
function distance(left: Float32Array, a: number, right: Float32Array, b: number, size: number): number {
  let total = 0;
  for (let i = 0; i < size; i++) total += Math.abs((left[a * size + i] as number) - (right[b * size + i] as number));
  return total / size;
}

/** Per tap and sample, the distances to the teacher and to all negatives. */
function distances(batch: number, negatives: number, { student, teacher, negatives: others }: Features) {
  return TAPS.map((shape, j) => {
    const size = elements(shape);
    const [s, t, n] = [student[j], teacher[j], others[j]] as [Float32Array, Float32Array, Float32Array];
    return Array.from({ length: batch }, (_, b) => ({
      positive: distance(s, b, t, b, size),
      negative: Array.from({ length: negatives }, (_, k) => distance(s, b, n, k, size)).reduce((x, y) => x + y, 0),
    }));
  });
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe("the contrastive loss", () => {
  it("weighs the taps as published", () => {
    expect(TAP_WEIGHTS).toEqual([0.03125, 0.0625, 0.125, 0.25, 1]);
  });

  it.each([
    [1, 1],
    [3, 1],
    [2, 4],
    [4, 10],
  ])(
    "of %i samples and %i negatives is a ratio of the batch's means, or the sum of the samples' ratios",
    async (batch, negatives) => {
      const features = draw(batch, negatives, new Random(batch * 16 + negatives));
      const taps = distances(batch, negatives, features);
      const [positive, negative] = (["positive", "negative"] as const).map((which) =>
        taps.map((samples) => mean(samples.map((sample) => sample[which]))),
      ) as [number[], number[]];
      const ofBatch = TAP_WEIGHTS.reduce(
        (sum, weight, j) => sum + (weight * (positive[j] as number)) / (negative[j] as number),
        0,
      );
      const ofSamples = TAP_WEIGHTS.reduce(
        (sum, weight, j) =>
          sum + weight * (taps[j] ?? []).reduce((total, sample) => total + sample.positive / sample.negative, 0),
        0,
      );
      for (const [form, expected] of [
        ["batch", ofBatch],
        ["sample", ofSamples],
      ] as const) {
        const found = await evaluated(batch, negatives, features, form);
        expect(found.loss / expected).toBeCloseTo(1, 5);
        for (const [j, value] of found.positive.entries()) expect(value / (positive[j] as number)).toBeCloseTo(1, 5);
        for (const [j, value] of found.negative.entries()) expect(value / (negative[j] as number)).toBeCloseTo(1, 5);
      }
      if (batch === 1) expect(ofBatch).toBeCloseTo(ofSamples, 12);
      else expect(Math.abs(ofBatch - ofSamples)).toBeGreaterThan(1e-3);
    },
  );

  it.each(["batch", "sample"] as const)("compares each sample with negatives of its own (%s)", async (form) => {
    const features = draw(2, 6, new Random(9));
    const found = await evaluated(2, 6, features, form, 2);
    // Negatives 0, 2 and 4 are the first sample's, the others the second's.
    const terms = TAPS.map((shape, j) => {
      const size = elements(shape);
      const [s, t, n] = [features.student[j], features.teacher[j], features.negatives[j]] as [
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      return [0, 1].map((b) => ({
        positive: distance(s, b, t, b, size),
        negative: [0, 2, 4].reduce((sum, k) => sum + distance(s, b, n, k + b, size), 0),
      }));
    });
    const ratio = (samples: readonly { positive: number; negative: number }[]) =>
      mean(samples.map(({ positive }) => positive)) / mean(samples.map(({ negative }) => negative));
    const expected = terms.reduce((sum, samples, j) => {
      const ratios = form === "batch" ? ratio(samples) : samples.reduce((total, sample) => total + ratio([sample]), 0);
      return sum + (TAP_WEIGHTS[j] as number) * ratios;
    }, 0);
    expect(found.loss / expected).toBeCloseTo(1, 5);
  });

  it.each(["batch", "sample"] as const)(
    "is 0 where student and teacher are one, finite where all are (%s)",
    async (form) => {
      const features = draw(2, 3, new Random(1));
      const same = { ...features, teacher: features.student };
      expect((await evaluated(2, 3, same, form)).loss).toBe(0);
      const fours = TAPS.map((shape) => new Float32Array(3 * elements(shape)).fill(4));
      const all = { student: fours, teacher: fours, negatives: fours };
      expect(await evaluated(3, 3, all, form)).toEqual({
        loss: 0,
        positive: [0, 0, 0, 0, 0],
        negative: [0, 0, 0, 0, 0],
      });
    },
  );

  it("keeps its ratio when all distances grow alike", async () => {
    const features = draw(2, 2, new Random(3));
    const scaled = Object.fromEntries(
      Object.entries(features).map(([name, taps]: [string, Float32Array[]]) => [
        name,
        taps.map((data) => data.map((x) => x * 8)),
      ]),
    ) as unknown as Features;
    const [one, eight] = [await evaluated(2, 2, features, "batch"), await evaluated(2, 2, scaled, "batch")];
    expect(eight.loss).toBeCloseTo(one.loss, 5);
  });

  // Values far apart, so that no difference changes its sign within a step of the finite differences.
  const inputs = [...TAPS.slice(3), ...TAPS.slice(3), ...TAPS.slice(3)].map((shape, i) => ({
    shape: [2, ...shape],
    low: 10 * Math.floor(i / 2),
    high: 10 * Math.floor(i / 2) + 5,
  }));
  testGradient("ReduceL1", [
    ...(["batch", "sample"] as const).map((form) => ({
      name: `the gradient of the ${form} form`,
      inputs,
      step: 0.5,
      build: (values: readonly Value[]) =>
        mul(contrastiveLoss(values.slice(0, 2), values.slice(2, 4), values.slice(4, 6), form).loss, 1000),
    })),
    {
      name: "the gradient with negatives of each sample's own",
      inputs,
      step: 0.5,
      build: (values) =>
        mul(
          contrastiveLoss(values.slice(0, 2), values.slice(2, 4), values.slice(4, 6), "batch", undefined, 2).loss,
          1000,
        ),
    },
    {
      name: "the gradient of outputs' Laplacians",
      inputs: [0, 40, 90].map((low) => ({ shape: [2, 1, 3, 4], low, high: low + 60 })),
      step: 0.1,
      build: (values) => {
        const [student, teacher, negatives] = values.map((image) => [laplacian(image)]) as [Value[], Value[], Value[]];
        return mul(contrastiveLoss(student, teacher, negatives, "batch", [1]).loss, 1000);
      },
    },
  ]);
});
