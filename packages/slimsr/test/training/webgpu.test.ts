import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runSource } from "../../../../test/support/child.js";
import { describeWith, SOFTWARE_GPU } from "../../../../test/support/requirement.js";

const CASES = [
  { optimiser: "adam", averaged: false },
  { optimiser: "adam", averaged: true },
  { optimiser: "muon", averaged: false },
];

/**
 * Takes steps of each case on a device, and prints the losses of each and the state at the end. All are compiled before the first ends: what the
 * engine compiles for a graphics processor it keeps while any session has that.
 */
const program = (device: string, profile: string) => `
  import { networkModel } from "./packages/core/dist/model/model.js";
  import { ADAM_DEFAULTS } from "./packages/core/dist/optimisers/adam.js";
  import { flatSize } from "./packages/core/dist/model/flat.js";
  import { learnedShapes } from "./packages/slimsr/dist/training/learners.js";
  import { initialState, Trainer } from "./packages/slimsr/dist/training/trainer.js";
  const network = { architecture: "edsr", scale: 2, blocks: 1, features: 8, resScale: 0.1, mean: [0.4, 0.4, 0.4], range: 255 };
  const image = (count, seed) => Float32Array.from({ length: count }, (_, i) => (i * 7919 * seed) % 251);
  const trainers = [];
  for (const [i, { optimiser, averaged }] of ${JSON.stringify(CASES)}.entries()) {
    const options = {
      ...{ model: networkModel(network, new Map()), widths: [0.5], split: "official", batch: 2, patch: [12, 10], accumulate: 1 },
      ...{ adam: ADAM_DEFAULTS, optimiser, session: { device: "${device}", threads: 1, profile: ${JSON.stringify(profile)} + i } },
      ...(averaged && { averageDecay: 0.9 }),
    };
    const vector = Float32Array.from({ length: flatSize(learnedShapes(options)) }, (_, i) => Math.sin(i) * 0.05);
    trainers.push(await Trainer.compile(options, initialState(vector, averaged)));
  }
  const schedule = { learningRate: 1e-3, teacherWeight: 1, anchorWeight: 0, distillationWeight: 0, attentionWeight: 0, contrastiveWeight: 0 };
  const trained = [];
  for (const trainer of trainers) {
    const losses = [];
    for (let step = 1; step <= 4; step++) {
      const batch = { lr: image(2 * 3 * 120, step), hr: image(2 * 3 * 480, step + 1) };
      losses.push(await trainer.step([batch], schedule));
      if (step === 2) await trainer.settle();
    }
    await trainer.settle();
    const { step, ...vectors } = trainer.state;
    trained.push({ step, losses, vectors: Object.entries(vectors).map(([name, data]) => [name, [...data]]) });
  }
  for (const trainer of trainers) await trainer.close();
  console.log(JSON.stringify(trained));`;

interface Trained {
  step: number;
  losses: Record<string, number>[];
  vectors: [string, number[]][];
}

describeWith(SOFTWARE_GPU, "on WebGPU", (driver) => {
  let folder: string;
  const trained: Record<string, Trained[]> = {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "slimsr-"));
    for (const device of ["webgpu", "cpu"]) {
      const source = program(device, join(folder, device));
      const { code, stdout, stderr } = await runSource(source, { env: { VK_DRIVER_FILES: driver }, seconds: 280 });
      expect(code, stderr).toBe(0);
      trained[device] = JSON.parse(stdout) as Trained[];
    }
  }, 600_000);
  afterAll(() => rm(folder, { recursive: true }));

  /** Largest difference, as a share of the largest value. */
  const difference = (a: readonly number[], b: readonly number[]): number =>
    Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number)))) / Math.max(...b.map(Math.abs));

  it.each(CASES.map(({ optimiser, averaged }, i) => [optimiser, averaged, i] as const))(
    "steps leave the state that the processor's leave, of %s, averaged: %s",
    async (_optimiser, _averaged, i) => {
      const [gpu, cpu] = [trained.webgpu?.[i] as Trained, trained.cpu?.[i] as Trained];
      expect(gpu.step).toBe(4);
      expect(gpu.vectors.map(([name]) => name)).toEqual(cpu.vectors.map(([name]) => name));
      gpu.losses.forEach((losses, i) => {
        for (const [name, loss] of Object.entries(losses))
          expect(Math.abs(loss / (cpu.losses[i]?.[name] as number) - 1), `${name} of step ${i + 1}`).toBeLessThan(1e-4);
      });
      gpu.vectors.forEach(([name, values], i) => {
        expect(difference(values, cpu.vectors[i]?.[1] as number[]), name).toBeLessThan(1e-3);
      });
      const file = (await readdir(folder)).find((name) => name.startsWith(`webgpu${i}`)) as string;
      expect(await onProcessor(join(folder, file))).toEqual(["Cast", "Pow", "Sub"]);
    },
  );
});

interface Event {
  name: string;
  args?: { op_name?: string; provider?: string };
}

/** Operators that ran on the processor, or brought a tensor to it, as the engine's profile has them. */
async function onProcessor(file: string): Promise<string[]> {
  const events = JSON.parse(await readFile(file, "utf8")) as Event[];
  const found = events.flatMap(({ args: { op_name: name, provider } = {} }) =>
    name !== undefined && (provider === "CPUExecutionProvider" || name === "MemcpyToHost") ? [name] : [],
  );
  return [...new Set(found)].sort();
}
