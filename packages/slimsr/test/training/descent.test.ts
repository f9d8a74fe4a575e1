import { describe, expect, it } from "vitest";
import { floats, number } from "../../../../test/support/engine.js";
import { carn, edsr, modelOf, rcan } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { flatSize } from "../../../core/src/model/flat.js";
import { type NetworkOptions, parameterShapes } from "../../../core/src/networks/index.js";
import { float32, scalar } from "../../../upscaler/src/engine/session.js";
import { compile } from "../../src/engine/compile.js";
import { type StepOptions, trainingStep } from "../../src/training/step.js";
import { contrastive, stepFeeds, stepOptions } from "./batches.js";

const combine = (length: number, term: (i: number) => number): Float32Array =>
  Float32Array.from({ length }, (_, i) => term(i));

const NETWORKS: [string, NetworkOptions][] = [
  ["EDSR", edsr(4)],
  ["RCAN", rcan(2)],
  ["CARN", carn(3)],
];

describe("the gradient of a whole step", () => {
  // Along a random direction: the loss's slope there is the gradient's projection.
  const cases: [string, NetworkOptions, Partial<StepOptions>][] = [
    ["EDSR, contrastive", edsr(4), { contrastive: contrastive({ detachTeacher: false }) }],
    ["RCAN, contrastive", rcan(2), { contrastive: contrastive({ detachTeacher: false }) }],
    [
      "CARN, contrastive per sample, two widths",
      carn(3),
      { widths: [0.25, 0.75], contrastive: contrastive({ ratio: "sample", detachTeacher: false }) },
    ],
    ["CARN as published, official split", carn(2, { variant: "original" }), { split: "official" }],
    [
      "EDSR held to an anchor that students learn",
      edsr(2),
      { teacher: "anchored", model: modelOf(edsr(2), 3), distillation: true },
    ],
    ["EDSR, two of the taps", edsr(2), { contrastive: contrastive({ taps: [0, 2, 0, 1, 0], detachTeacher: false }) }],
    [
      "EDSR ×3, one sample of another shape",
      edsr(3),
      { batch: 1, patch: [6, 9], contrastive: contrastive({ detachTeacher: false }) },
    ],
  ];

  it.each(cases)("is the slope of the loss: %s", async (_, network, options) => {
    const full = stepOptions(network, options);
    const feeds = stepFeeds(full);
    const session = await compile(trainingStep({ ...full, inspect: true }), { threads: 1, spinning: false });
    try {
      const point = feeds.parameters?.data as Float32Array;
      const { outputs } = await session.run(feeds);
      const gradient = floats(outputs, "gradient");
      const length = Math.hypot(...gradient);
      const random = new Random(5);
      // The gradient's own direction, roughened: each element has a part in it.
      const direction = combine(gradient.length, (i) => ((gradient[i] as number) / length) * random.uniform(0.5, 1.5));
      const projection = direction.reduce((sum, d, i) => sum + d * (gradient[i] as number), 0);
      const loss = async (h: number) => {
        const moved = combine(point.length, (i) => (point[i] as number) + h * (direction[i] as number));
        const { outputs: there } = await session.run({ ...feeds, parameters: float32(moved, [moved.length]) });
        return number(there, "loss");
      };
      const h = 2e-4 / Math.max(...direction.map(Math.abs));
      const slope =
        (8 * ((await loss(h)) - (await loss(-h))) - ((await loss(2 * h)) - (await loss(-2 * h)))) / (12 * h);
      expect(projection).toBeGreaterThan(0);
      // Some of the many kinks (ReLU, absolute value, largest of four) lie within the step.
      expect(Math.abs(slope / projection - 1)).toBeLessThan(0.03);
    } finally {
      await session.close();
    }
  });
});

describe("training", () => {
  it("is reproducible to the bit, with two threads, over 20 steps", async () => {
    const options = stepOptions(edsr(2), { contrastive: contrastive() });
    const train = async () => {
      const session = await compile(trainingStep(options), { threads: 2 });
      const feeds = stepFeeds(options);
      for (let t = 1; t <= 20; t++) {
        const { outputs } = await session.run({ ...feeds, step: scalar(t) });
        Object.assign(feeds, {
          parameters: outputs.new_parameters,
          first: outputs.new_first,
          second: outputs.new_second,
        });
      }
      await session.close();
      return feeds.parameters?.data as Float32Array;
    };
    const [once, twice] = [await train(), await train()];
    expect(Buffer.compare(Buffer.from(once.buffer), Buffer.from(twice.buffer))).toBe(0);
    expect(once).not.toEqual(stepFeeds(options).parameters?.data);
  });

  it.each(NETWORKS)("brings the loss down: %s", async (_, network) => {
    const options = stepOptions(network, { contrastive: contrastive() });
    const session = await compile(trainingStep(options), { threads: 1, spinning: false });
    const feeds = stepFeeds(options);
    const losses: number[] = [];
    for (let t = 1; t <= 30; t++) {
      const { outputs } = await session.run({ ...feeds, step: scalar(t) });
      losses.push(number(outputs, "loss"));
      Object.assign(feeds, {
        parameters: outputs.new_parameters,
        first: outputs.new_first,
        second: outputs.new_second,
      });
    }
    await session.close();
    expect(losses.every(Number.isFinite)).toBe(true);
    expect(losses.at(-1)).toBeLessThan(0.97 * (losses[0] as number));
    expect(flatSize(parameterShapes(network))).toBe(feeds.parameters?.data.length);
  });
});
