import { describe, expect, it } from "vitest";
import { floats, number } from "../../../../test/support/engine.js";
import { carn, edsr, randomParameters, rcan } from "../../../../test/support/networks.js";
import { NetworkError, UsageError } from "../../../core/src/errors.js";
import { liveNodes } from "../../../core/src/graph/index.js";
import { flatSize, packParameters } from "../../../core/src/model/flat.js";
import { parameterShapes } from "../../../core/src/networks/index.js";
import { float32, scalar, type Tensor } from "../../../upscaler/src/engine/session.js";
import { relativeError } from "../../src/parity/compare.js";
import { type StepOptions, trainingHalves, trainingStep } from "../../src/training/step.js";
import { contrastive, type Feeds, inspected, type NetworkStep, run, stepFeeds, stepOptions } from "./batches.js";

const gradientOf = async (options: StepOptions, feeds: Feeds): Promise<Float32Array> =>
  floats(await inspected(options, feeds), "gradient");

const combine = (length: number, term: (i: number) => number): Float32Array =>
  Float32Array.from({ length }, (_, i) => term(i));

describe("a training step", () => {
  it("is the same in halves", async () => {
    const options = stepOptions(carn(3), { contrastive: contrastive() });
    const feeds = stepFeeds(options);
    const whole = await run(trainingStep(options), feeds);
    const { gradients, update } = trainingHalves(options);
    const first = await run(gradients, feeds);
    const second = await run(update, { ...feeds, gradient: first.gradient as Tensor });
    for (const name of ["new_parameters", "new_first", "new_second", "gradient_norm"]) {
      expect(relativeError(floats(second, name), floats(whole, name))).toBeLessThan(1e-6);
    }
    for (const name of Object.keys(whole).filter((key) => key in first)) {
      expect(relativeError(floats(first, name), floats(whole, name))).toBeLessThan(1e-6);
    }
    expect(Object.keys(first).sort()).toEqual(
      ["contrastive.0", "d_neg.0", "d_pos.0", "gradient", "l1_student.0", "l1_teacher", "loss"].sort(),
    );
    expect(Object.keys(second).sort()).toEqual(["gradient_norm", "new_first", "new_parameters", "new_second"]);
  });

  it("moves the parameters by Adam along the gradient, whose norm it tells", async () => {
    const options = stepOptions(edsr(2));
    const feeds = stepFeeds(options);
    const outputs = await inspected(options, feeds);
    const gradient = floats(outputs, "gradient");
    expect(number(outputs, "gradient_norm") / Math.hypot(...gradient)).toBeCloseTo(1, 5);
    const before = feeds.parameters?.data as Float32Array;
    const after = floats(outputs, "new_parameters");
    let moved = 0;
    after.forEach((value, i) => {
      const slope = gradient[i] as number;
      if (Math.abs(slope) < 1e-3) return;
      // The first step's size is the learning rate.
      expect((value - (before[i] as number)) / -1e-3).toBeCloseTo(Math.sign(slope), 2);
      moved++;
    });
    expect(moved).toBeGreaterThan(before.length / 2);
  });

  it("takes the losses' weights as inputs", async () => {
    const options = stepOptions(edsr(2), { contrastive: contrastive() });
    const feeds = stepFeeds(options);
    const at = (teacher: number, contrast: number) =>
      inspected(options, { ...feeds, teacher_weight: scalar(teacher), contrastive_weight: scalar(contrast) });
    const outputs = await at(0.75, 30);
    const terms = ["l1_student.0", "l1_teacher", "contrastive.0"].map((name) => number(outputs, name)) as [
      number,
      number,
      number,
    ];
    expect(number(outputs, "loss")).toBeCloseTo(terms[0] + 0.75 * terms[1] + 30 * terms[2], 3);
    // Gradients are linear in the weights.
    const [none, teacher, contrast] = [await at(0, 0), await at(1, 0), await at(0, 1)].map((o) =>
      floats(o, "gradient"),
    ) as [Float32Array, Float32Array, Float32Array];
    const predicted = combine(none.length, (i) => {
      const base = none[i] as number;
      return base + 0.75 * ((teacher[i] as number) - base) + 30 * ((contrast[i] as number) - base);
    });
    expect(relativeError(floats(outputs, "gradient"), predicted)).toBeLessThan(1e-4);
    const joint = await gradientOf(stepOptions(edsr(2)), { ...feeds, teacher_weight: scalar(0.75) });
    expect(relativeError(joint, (await at(0.75, 0)).gradient?.data as Float32Array)).toBeLessThan(1e-5);
  });

  it("adds up the gradients of several students", async () => {
    const each = contrastive();
    const with_ = (widths: readonly number[]) => stepOptions(edsr(2, { features: 16 }), { widths, contrastive: each });
    const feeds = { ...stepFeeds(with_([0.5])), teacher_weight: scalar(0) };
    const together = await inspected(with_([0.5, 0.25, 0.8]), feeds);
    const alone = await Promise.all([0.5, 0.25, 0.8].map((width) => inspected(with_([width]), feeds)));
    const gradients = alone.map((outputs) => floats(outputs, "gradient"));
    const sum = combine(gradients[0]?.length ?? 0, (i) => gradients.reduce((total, g) => total + (g[i] as number), 0));
    expect(relativeError(floats(together, "gradient"), sum)).toBeLessThan(1e-5);
    const losses = alone.map((outputs) => number(outputs, "loss"));
    expect(number(together, "loss")).toBeCloseTo(
      losses.reduce((a, b) => a + b),
      2,
    );
    alone.forEach((outputs, i) => {
      for (const name of ["l1_student", "contrastive", "d_pos", "d_neg", "student"]) {
        expect(relativeError(floats(together, `${name}.${i}`), floats(outputs, `${name}.0`))).toBeLessThan(1e-5);
      }
    });
    expect(new Set(losses).size).toBe(3);
  });

  it("without students trains the teacher alone", async () => {
    const options = stepOptions(edsr(2), { widths: [] });
    const feeds = stepFeeds(options);
    const outputs = await inspected(options, feeds);
    expect(number(outputs, "loss") / (0.75 * number(outputs, "l1_teacher"))).toBeCloseTo(1, 5);
    expect(Math.hypot(...floats(outputs, "gradient"))).toBeGreaterThan(0);
  });

  it("leaves the weights that only the teacher has to the teacher's loss", async () => {
    const network = edsr(2, { features: 8, blocks: 1 });
    const options = stepOptions(network, { contrastive: contrastive() });
    const gradient = await gradientOf(options, { ...stepFeeds(options), teacher_weight: scalar(0) });
    // The head's last filters are beyond width 0.5; with the teacher's features detached nothing reaches them.
    const [kept, beyond] = [gradient.subarray(0, 4 * 27), gradient.subarray(4 * 27, 8 * 27)];
    expect(Math.hypot(...kept)).toBeGreaterThan(0);
    expect(beyond.every((slope) => slope === 0)).toBe(true);
  });

  it("lets the contrastive loss reach the teacher only where it isn't detached", async () => {
    const [held, free] = [true, false].map((detachTeacher) =>
      stepOptions(edsr(2), { contrastive: contrastive({ detachTeacher }) }),
    ) as [NetworkStep, NetworkStep];
    const feeds = { ...stepFeeds(held), teacher_weight: scalar(0) };
    const [a, b] = [await inspected(held, feeds), await inspected(free, feeds)];
    expect(number(a, "loss")).toBeCloseTo(number(b, "loss"), 4);
    expect(relativeError(floats(a, "gradient"), floats(b, "gradient"))).toBeGreaterThan(1e-2);
  });

  it("contrasts the first samples only, where so many are asked for", async () => {
    const options = stepOptions(edsr(2), { batch: 3, contrastive: contrastive({ contrasted: 1 }) });
    const feeds = stepFeeds(options);
    const outputs = await inspected(options, feeds);
    // The first sample alone, with the same patch as its negative.
    const part = (tensor: Tensor | undefined): Tensor => {
      const { data, shape } = tensor as Tensor;
      return float32((data as Float32Array).slice(0, data.length / 3), [1, ...shape.slice(1)]);
    };
    const single = stepOptions(edsr(2), { batch: 1, contrastive: contrastive({ negatives: 1 }) });
    const firstOnly = {
      ...feeds,
      lr: part(feeds.lr),
      hr: part(feeds.hr),
      negatives: { ...(feeds.negatives as Tensor), shape: [1], data: BigInt64Array.of(0n) },
    };
    const alone = await inspected(single, firstOnly);
    const same = stepOptions(edsr(2), { batch: 3, contrastive: contrastive({ contrasted: 1, negatives: 1 }) });
    const within = await inspected(same, { ...feeds, negatives: firstOnly.negatives });
    expect(relativeError(floats(within, "d_pos.0"), floats(alone, "d_pos.0"))).toBeLessThan(1e-5);
    expect(relativeError(floats(within, "contrastive.0"), floats(alone, "contrastive.0"))).toBeLessThan(1e-5);
    expect(relativeError(floats(outputs, "d_pos.0"), floats(alone, "d_pos.0"))).toBeLessThan(1e-5);
  });

  it("compares the taps that have a weight", async () => {
    const all = stepOptions(edsr(2), { contrastive: contrastive() });
    const feeds = stepFeeds(all);
    const [every, two] = [
      await inspected(all, feeds),
      await inspected({ ...all, contrastive: contrastive({ taps: [0, 2, 0, 1, 0] }) }, feeds),
    ];
    const [positive, negative] = [floats(every, "d_pos.0"), floats(every, "d_neg.0")] as [Float32Array, Float32Array];
    const ratio = (tap: number) => (positive[tap] as number) / (negative[tap] as number);
    expect([...floats(two, "d_pos.0")]).toEqual([positive[1], positive[3]]);
    expect(number(two, "contrastive.0") / (2 * ratio(1) + ratio(3))).toBeCloseTo(1, 5);
  });

  it("holds a shared teacher to what it gave before, and students with it", async () => {
    const network = edsr(2);
    const before = randomParameters(network, 3);
    const held = stepOptions(network, { teacher: "anchored", distillation: true }, before);
    const feeds = stepFeeds(held);
    const outputs = await inspected(held, feeds);
    // A step from the anchor itself shows its image as the teacher's.
    const there = {
      ...feeds,
      parameters: float32(packParameters(before, parameterShapes(network)), [flatSize(parameterShapes(network))]),
    };
    const anchor = floats(await inspected(held, there), "teacher");
    const distance = (name: string) => {
      const image = floats(outputs, name);
      return image.reduce((sum, value, i) => sum + Math.abs(value - (anchor[i] as number)), 0) / image.length;
    };
    expect(number(outputs, "anchor") / distance("teacher")).toBeCloseTo(1, 4);
    expect(number(outputs, "distillation.0") / distance("student.0")).toBeCloseTo(1, 4);
    const [student, teacher] = [number(outputs, "l1_student.0"), number(outputs, "l1_teacher")];
    const expected = student + 0.75 * teacher + 0.6 * distance("teacher") + 0.4 * distance("student.0");
    expect(number(outputs, "loss") / expected).toBeCloseTo(1, 4);
  });

  it("accumulates: the mean of two half batches' gradients is the whole's", async () => {
    const [whole, half] = [4, 2].map((batch) => stepOptions(rcan(2), { batch })) as [NetworkStep, NetworkStep];
    const feeds = stepFeeds(whole);
    const part = (tensor: Tensor | undefined, index: number): Tensor => {
      const { data, shape } = tensor as Tensor;
      const size = data.length / 2;
      return float32((data as Float32Array).slice(index * size, (index + 1) * size), [2, ...shape.slice(1)]);
    };
    const { gradients } = trainingHalves(half);
    const halves = await Promise.all(
      [0, 1].map((i) => run(gradients, { ...feeds, lr: part(feeds.lr, i), hr: part(feeds.hr, i) })),
    );
    const [a, b] = halves.map((outputs) => floats(outputs, "gradient")) as [Float32Array, Float32Array];
    const mean = combine(a.length, (i) => ((a[i] as number) + (b[i] as number)) / 2);
    const expected = await gradientOf(whole, feeds);
    expect(relativeError(mean, expected)).toBeLessThan(1e-5);
    expect(relativeError(a, expected)).toBeGreaterThan(1e-2);
  });

  it.each([
    ["no negatives", { negatives: 0 }, UsageError, /at least one negative/],
    ["no contrasted samples", { contrasted: 0 }, UsageError, /0 contrasted samples don't fit a batch of 2/],
    ["more than the batch", { contrasted: 3 }, UsageError, /3 contrasted samples don't fit a batch of 2/],
  ])("refuses %s", (_, options, kind, message) => {
    const build = () => trainingStep(stepOptions(edsr(2), { contrastive: contrastive(options) }));
    expect(build).toThrow(kind);
    expect(build).toThrow(message);
  });

  it("refuses patches that VGG19 can't halve four times, and widths that leave nothing", () => {
    const small = () => trainingStep(stepOptions(edsr(2), { patch: [7, 8], contrastive: contrastive() }));
    expect(small).toThrow(NetworkError);
    expect(small).toThrow(/at least 16×16; these are 14×16/);
    expect(() => trainingStep(stepOptions(edsr(2), { widths: [0.5, 0.01] }))).toThrow(/width 0\.01 leaves layer head/);
  });
});

describe("what a step computes", () => {
  const LAYERS = 9;
  const network = edsr(4);
  const count = (options: Partial<StepOptions>, operator: string): number => {
    const graph = trainingStep(stepOptions(network, options));
    return liveNodes(graph).filter((node) => node.operator.name === operator).length;
  };

  it("is no weight gradient of the frozen features, and no image gradient before a network's head", () => {
    expect([...parameterShapes(network).keys()].length).toBe(2 * LAYERS);
    // Teacher and student: a weight gradient per layer, an input gradient for all but the head.
    expect(count({}, "ConvWeightGradient")).toBe(2 * LAYERS);
    expect(count({}, "ConvInputGradient")).toBe(2 * (LAYERS - 1));
    expect(count({ widths: [] }, "ConvWeightGradient")).toBe(LAYERS);
  });

  it.each([
    [1, [0.5]],
    [2, [0.5, 0.25]],
  ])("is VGG19's gradient for the %i student images only: 13 convolutions each, 4 poolings", (students, widths) => {
    const options = { widths, contrastive: contrastive() };
    expect(count(options, "ConvWeightGradient")).toBe((1 + students) * LAYERS);
    expect(count(options, "ConvInputGradient")).toBe((1 + students) * (LAYERS - 1) + 13 * students);
    expect(count(options, "MaxPoolGradient")).toBe(4 * students);
    // Forwards: once for the teacher's and the negatives' images together, once for each student's.
    expect(count(options, "Conv")).toBe((1 + students) * LAYERS + 13 * (1 + students));
  });

  it("is the teacher's VGG19 gradient too where it isn't detached", () => {
    const options = { contrastive: contrastive({ detachTeacher: false }) };
    expect(count(options, "ConvInputGradient")).toBe(2 * (LAYERS - 1) + 13 * 2);
    expect(count(options, "ConvWeightGradient")).toBe(2 * LAYERS);
  });
});
