import { expect, it } from "vitest";
import { floats, number } from "../../../../test/support/engine.js";
import { edsr, randomParameters } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { Graph, liveNodes } from "../../../core/src/graph/index.js";
import { packParameters } from "../../../core/src/model/flat.js";
import { laplacian } from "../../../core/src/objectives/laplacian.js";
import { blurredInputs } from "../../../core/src/objectives/negatives.js";
import { float32, int64, type Tensor } from "../../../upscaler/src/engine/session.js";
import { relativeError } from "../../src/parity/compare.js";
import { type ContrastiveStep, firstBank } from "../../src/training/contrast.js";
import { stepCost } from "../../src/training/flops.js";
import { learnedShapes } from "../../src/training/learners.js";
import { trainingStep } from "../../src/training/step.js";
import { initialState, type MicroBatch, Trainer, type TrainerOptions } from "../../src/training/trainer.js";
import { contrastive, inspected, run, stepFeeds, stepOptions } from "./batches.js";

const network = edsr(2, { features: 8, blocks: 1 });
const outputs: Partial<ContrastiveStep> = { features: () => (images) => [laplacian(images)], taps: [1] };
const schedule = {
  ...{ learningRate: 1e-3, teacherWeight: 1, anchorWeight: 0, distillationWeight: 0, attentionWeight: 0 },
  contrastiveWeight: 20,
};

const options = (kind: Partial<ContrastiveStep>, more: Partial<TrainerOptions> = {}): TrainerOptions => ({
  ...stepOptions(network, { batch: 4, patch: [10, 10], contrastive: contrastive({ ...kind, contrasted: 2 }) }),
  accumulate: 1,
  session: { threads: 1, spinning: false },
  ...more,
});

const start = (step: TrainerOptions, averaged: boolean) =>
  initialState(packParameters(randomParameters(network), learnedShapes(step)) as Float32Array<ArrayBuffer>, averaged);

function batchOf(seed: number, negatives: readonly number[]): MicroBatch {
  const random = new Random(seed);
  const image = (side: number) =>
    Float32Array.from({ length: 4 * 3 * side * side }, () => random.integer(0, 255)) as Float32Array<ArrayBuffer>;
  return { lr: image(10), hr: image(20), negatives };
}

it("a step with a memory bank is that of all its negatives", async () => {
  const kinds = [{ negatives: 3 }, { negatives: 3, memoryBank: true }].map((kind) => ({
    ...stepOptions(network, { batch: 4, contrastive: contrastive(kind) }),
  }));
  const [whole, banked] = kinds as [(typeof kinds)[0], (typeof kinds)[0]];
  const feeds = stepFeeds(whole);
  const expected = await inspected(whole, { ...feeds, negatives: int64([2, 0, 3]) });
  const bank = await run(firstBank({ ...banked, contrastive: banked.contrastive as ContrastiveStep }), {
    lr: feeds.lr as Tensor,
    negatives: int64([2, 0]),
  });
  const found = await inspected(banked, { ...feeds, bank: bank.bank as Tensor, negatives: int64([3]) });
  for (const name of ["loss", "contrastive.0", "d_neg.0", "gradient"]) {
    expect(relativeError(floats(found, name), floats(expected, name)), name).toBeLessThan(1e-5);
  }
});

it.each([1, 2])("a memory bank keeps the last negatives, of steps of %i batches", async (accumulate) => {
  const banked = options({ negatives: 4, memoryBank: true }, { accumulate });
  const trainer = await Trainer.compile(banked, start(banked, false));
  const batches = Array.from({ length: 4 }, (_, n) => batchOf(n, [n % 4, 1, 3, 2]));
  const rowsOf = async ({ lr }: MicroBatch, drawn: readonly number[]) => {
    const graph = firstBank({ ...banked, contrastive: banked.contrastive as ContrastiveStep });
    return floats(await run(graph, { lr: float32(lr, [4, 3, 10, 10]), negatives: int64(drawn) }), "bank");
  };
  // Steps take the batches' buffers.
  const rows = await Promise.all(batches.map((batch, n) => rowsOf(structuredClone(batch), [n % 4, 1, 1])));
  const first = await rowsOf(structuredClone(batches[0] as MicroBatch), [1, 3, 2]);
  const size = first.length / 3;
  for (let n = 0; n < 2; n += accumulate) await trainer.step(batches.slice(n, n + accumulate), schedule);
  const slot = (kept: Float32Array, at: number) => kept.subarray(at * size, (at + 1) * size);
  const { bank = new Float32Array() } = trainer.state;
  expect(relativeError(slot(bank, 0), slot(rows[0] as Float32Array, 0))).toBeLessThan(1e-6);
  expect(relativeError(slot(bank, 1), slot(rows[1] as Float32Array, 0))).toBeLessThan(1e-6);
  expect(relativeError(slot(bank, 2), slot(first, 2))).toBeLessThan(1e-6);
  for (let n = 2; n < 4; n += accumulate) await trainer.step(batches.slice(n, n + accumulate), schedule);
  // The fourth takes the first one's place.
  expect(relativeError(slot(bank, 0), slot(rows[3] as Float32Array, 0))).toBeLessThan(1e-6);
  expect(relativeError(slot(bank, 2), slot(rows[2] as Float32Array, 0))).toBeLessThan(1e-6);
  await trainer.close();
});

it("negatives of the student are its average's outputs on each sample's blurred patch", async () => {
  const kind: Partial<ContrastiveStep> = { negatives: 2, negativesFrom: "student", contrasted: 1 };
  const step = stepOptions(network, { batch: 2, contrastive: contrastive(kind) });
  const feeds = stepFeeds(step);
  const average = stepFeeds(step, 5).parameters as Tensor;
  const found = await inspected(step, { ...feeds, average });
  const graph = new Graph("blurred");
  graph.output("lr", blurredInputs(graph.input("x", [1, 3, ...step.patch]), 2));
  const { data, shape } = feeds.lr as Tensor;
  const x = float32((data as Float32Array).slice(0, data.length / 2), [1, ...shape.slice(1)]);
  const { lr } = await run(graph, { x });
  const plain = stepOptions(network, { batch: 2 });
  const older = await inspected(plain, { ...feeds, lr: lr as Tensor, parameters: average });
  expect(relativeError(floats(found, "upsampled_negatives"), floats(older, "student.0"))).toBeLessThan(1e-5);
  // Nothing learns through them.
  const gradients = (of: Partial<ContrastiveStep>) =>
    liveNodes(trainingStep(stepOptions(network, { contrastive: contrastive(of) }))).filter(
      ({ operator }) => operator.name === "ConvWeightGradient",
    ).length;
  expect(gradients(kind)).toBe(gradients({}));
});

it.each([
  ["a memory bank", { negatives: 3, memoryBank: true }, 1],
  ["a memory bank, with accumulation,", { negatives: 3, memoryBank: true }, 2],
  ["negatives of the student", { negatives: 2, negativesFrom: "student" } as const, 1],
  ["negatives of the student, on outputs,", { ...outputs, negatives: 1, negativesFrom: "student" } as const, 2],
])("a step with %s goes on from a copy of its state byte for byte", async (_, kind, accumulate) => {
  const kept = options(kind, { accumulate, averageDecay: 0.9 });
  const batches = (step: number) =>
    Array.from({ length: accumulate }, (_, i) => batchOf(step * accumulate + i, [3, step % 3, 1]));
  const whole = await Trainer.compile(kept, start(kept, true));
  for (const step of [0, 1]) await whole.step(batches(step), schedule);
  const copy = structuredClone(whole.state);
  const losses = await whole.step(batches(2), schedule);
  const resumed = await Trainer.compile(kept, copy);
  expect(await resumed.step(batches(2), schedule)).toEqual(losses);
  expect(resumed.state).toEqual(whole.state);
  await whole.close();
  await resumed.close();
});

it("contrast on outputs is the ratio of their Laplacians' distances, without VGG19", async () => {
  const step = stepOptions(network, { batch: 2, contrastive: contrastive(outputs) });
  const found = await inspected(step, stepFeeds(step));
  const graph = new Graph("laplacians");
  const names = ["student.0", "teacher", "upsampled_negatives"];
  for (const name of names) graph.output(`of ${name}`, laplacian(graph.input(name, found[name]?.shape ?? [])));
  const laplacians = await run(graph, found);
  const [student, teacher, negatives] = names.map((name) => floats(laplacians, `of ${name}`)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const distance = (a: Float32Array, b: (i: number) => number) =>
    a.reduce((sum, value, i) => sum + Math.abs(value - b(i)), 0) / a.length;
  const size = student.length / 2;
  const positive = distance(student, (i) => teacher[i] as number);
  const negative = [0, 1].map((k) => distance(student, (i) => negatives[k * size + (i % size)] as number));
  const expected = positive / ((negative[0] as number) + (negative[1] as number));
  expect(number(found, "contrastive.0") / expected).toBeCloseTo(1, 4);
  const convolutions = (kind: Partial<ContrastiveStep> | undefined) =>
    liveNodes(trainingStep(stepOptions(network, kind && { contrastive: contrastive(kind) }))).filter(
      ({ operator }) => operator.name === "Conv",
    ).length;
  expect(convolutions(outputs)).toBe(convolutions(undefined));
});

it("tells what the contrastive features take of a step", () => {
  const share = (kind: Partial<ContrastiveStep>) => stepCost(options({ negatives: 4, ...kind })).featureShare;
  const [all, banked] = [share({}), share({ memoryBank: true })];
  expect(banked).toBeGreaterThan(0.1);
  expect(all).toBeGreaterThan(banked);
  expect(share(outputs)).toBeLessThan(banked);
});
