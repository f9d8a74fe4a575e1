import { expect, it } from "vitest";
import { edsr, randomParameters } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { DeviceError } from "../../../core/src/errors.js";
import { packParameters } from "../../../core/src/model/flat.js";
import { relativeError } from "../../src/parity/compare.js";
import { learnedShapes, OPTIMISERS } from "../../src/training/learners.js";
import { initialState, type MicroBatch, Trainer, type TrainerOptions } from "../../src/training/trainer.js";
import { contrastive, stepOptions } from "./batches.js";

const network = edsr(2, { features: 8, blocks: 1 });
const session = { threads: 1, spinning: false } as const;
const schedule = {
  learningRate: 1e-3,
  teacherWeight: 1,
  anchorWeight: 0,
  distillationWeight: 0,
  attentionWeight: 0,
  contrastiveWeight: 20,
};

const options = (more: Partial<TrainerOptions> = {}): TrainerOptions => ({
  ...stepOptions(network, { batch: 4, patch: [10, 10] }),
  accumulate: 1,
  session,
  ...more,
});

const start = (averaged = false) =>
  initialState(
    packParameters(randomParameters(network), learnedShapes(options())) as Float32Array<ArrayBuffer>,
    averaged,
  );

function batchOf(count: number, seed: number): MicroBatch {
  const random = new Random(seed);
  const image = (side: number) =>
    Float32Array.from({ length: count * 3 * side * side }, () => random.integer(0, 255)) as Float32Array<ArrayBuffer>;
  return { lr: image(10), hr: image(20) };
}

const halves = ({ lr, hr }: MicroBatch): MicroBatch[] =>
  [0, 1].map((i) => ({
    lr: lr.slice((i * lr.length) / 2, ((i + 1) * lr.length) / 2),
    hr: hr.slice((i * hr.length) / 2, ((i + 1) * hr.length) / 2),
  }));

it.each(OPTIMISERS)("accumulates batches into the step of the whole: %s", async (optimiser) => {
  const whole = await Trainer.compile(options({ optimiser }), start());
  const parts = await Trainer.compile(options({ optimiser, batch: 2, accumulate: 2 }), start());
  try {
    for (const seed of [1, 2, 3]) {
      const a = await whole.step([batchOf(4, seed)], schedule);
      const b = await parts.step(halves(batchOf(4, seed)), schedule);
      expect((b.loss as number) / (a.loss as number)).toBeCloseTo(1, 4);
      expect((b.gradient_norm as number) / (a.gradient_norm as number)).toBeCloseTo(1, 3);
    }
    expect(parts.state.step).toBe(3);
    expect(relativeError(parts.state.first, whole.state.first)).toBeLessThan(1e-2);
    expect(relativeError(parts.state.parameters, whole.state.parameters)).toBeLessThan(1e-2);
  } finally {
    await whole.close();
    await parts.close();
  }
});

it("goes on from a copy of its state byte for byte", async () => {
  const contrasted = options({ contrastive: contrastive() });
  const negatives = [1, 3];
  const whole = await Trainer.compile(contrasted, start(true));
  await whole.step([{ ...batchOf(4, 1), negatives }], schedule);
  const copy = structuredClone(whole.state);
  await whole.step([{ ...batchOf(4, 2), negatives }], schedule);
  const resumed = await Trainer.compile(contrasted, copy);
  await resumed.step([{ ...batchOf(4, 2), negatives }], schedule);
  expect(resumed.state).toEqual(whole.state);
  await whole.close();
  await resumed.close();
});

it("keeps a moving average", async () => {
  const trainer = await Trainer.compile(options({ averageDecay: 0.15 }), start(true));
  const before = trainer.state.parameters.slice();
  await trainer.step([batchOf(4, 1)], schedule);
  const { average = new Float32Array(), parameters } = trainer.state;
  const expected = parameters.map((value, i) => 0.15 * (before[i] as number) + 0.85 * value);
  expect(relativeError(average, expected)).toBeLessThan(1e-6);
  expect(relativeError(parameters, before)).toBeGreaterThan(1e-6);
  await trainer.close();
});

it("takes a state of its own size only", async () => {
  const state = initialState(new Float32Array(5), false);
  await expect(Trainer.compile(options(), state)).rejects.toThrow("a state of 5 parameters for a step with");
});

it("settles every step after one that the engine refused", async () => {
  const trainer = await Trainer.compile(options(), start());
  const wrong = { ...batchOf(4, 1), lr: batchOf(3, 1).lr };
  await expect(trainer.step([wrong], schedule)).rejects.toThrow(/lr: 900 elements don't fill \[4, 3, 10, 10\]/);
  expect(trainer.state.step).toBe(0);
  // Nothing was moved yet: the step can be taken with what fits.
  await trainer.step([batchOf(4, 1)], schedule);
  expect(trainer.state.step).toBe(1);
  await trainer.close();
  await expect(trainer.step([batchOf(4, 2)], schedule)).rejects.toThrow("the session is closed");
});

it("says that its state is lost after a step that the engine failed in", async () => {
  const trainer = await Trainer.compile(options({ contrastive: contrastive() }), start());
  await expect(trainer.step([{ ...batchOf(4, 1), negatives: [1, 99] }], schedule)).rejects.toThrow(DeviceError);
  const next = trainer.step([{ ...batchOf(4, 2), negatives: [1, 3] }], schedule);
  await expect(next).rejects.toThrow("parameters: its buffer was moved into an earlier run");
  await trainer.close();
});
