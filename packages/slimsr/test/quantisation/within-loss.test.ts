import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { floats } from "../../../../test/support/engine.js";
import { edsr, modelOf } from "../../../../test/support/networks.js";
import { imageNames } from "../../../core/src/model/descriptor.js";
import { instantiate } from "../../../core/src/model/model.js";
import { atQuality } from "../../src/deployment/quality.js";
import { createSession } from "../../src/engine/session.js";
import { quantiseWith, settled } from "../../src/quantisation/quantise.js";
import { nodesInFloat, roundingNoises } from "../../src/quantisation/rounding-noise.js";
import { quantiseVerified } from "../../src/quantisation/verified.js";
import { lossOf } from "../../src/quantisation/within-loss.js";

const FEW = { patches: 4 };
const STUDENTS = fileURLToPath(new URL("../../../../assets/slim/edsr_r8f64_x2.safetensors", import.meta.url));
const student = () => atQuality(STUDENTS, {}, 0.25);

it("finds whose rounding changes the output, about as much as all together", { timeout: 120_000 }, async () => {
  const { model, draw } = await settled(modelOf(edsr(2, { features: 16, blocks: 2 })), FEW);
  const made = await quantiseWith(model, await draw(), { ...FEW, bits: 8 });
  const noises = await roundingNoises(made, {});
  expect(noises.length).toBeGreaterThan(5);
  const sum = noises.reduce((all, { error }) => all + error, 0);
  const { count, height, width } = made.patches;
  const shape = [count, 3, height, width] as const;
  const names = imageNames(model.descriptor);
  const outputs = await Promise.all(
    [made.quantised.onnx, instantiate(made.scaled, shape, names)].map(async (source) => {
      const session = await createSession(source, { threads: 1, optimisation: "none" });
      try {
        const data = made.patches.data.slice();
        return floats((await session.run({ [names.input]: { data, shape, dtype: "float32" } })).outputs, names.output);
      } finally {
        await session.close();
      }
    }),
  );
  const [integer, float] = outputs as [Float32Array, Float32Array];
  const whole = integer.reduce((all, value, i) => all + (value - (float[i] as number)) ** 2, 0) / integer.length;
  // Weights' rounding adds to it, and refitting takes away.
  expect(sum / whole).toBeGreaterThan(0.4);
  expect(sum / whole).toBeLessThan(2);

  const all = nodesInFloat(made.plan.graph, noises, 0);
  const half = nodesInFloat(made.plan.graph, noises, 0.5);
  expect(half.size).toBeGreaterThan(0);
  expect(half.size).toBeLessThan(all.size);
  expect(nodesInFloat(made.plan.graph, noises, 1).size).toBe(0);
  const left = noises.filter(({ nodes }) => ![...nodes].every((node) => half.has(node)));
  expect(left.reduce((rest, { error }) => rest + error, 0)).toBeLessThanOrEqual(0.5 * sum);
});

it("keeps in float what it must, and says what that costs", { timeout: 240_000 }, async () => {
  const made = await quantiseVerified(await student(), { ...FEW, threads: 1, maxLoss: 0.012 });
  const { kept, verification, convolutions } = made;
  const whole = kept?.without;
  expect(kept?.layers.length).toBeGreaterThan(0);
  expect(convolutions.integer).toBeGreaterThan(0);
  expect(lossOf(verification)).toBeLessThan(whole ? lossOf(whole) : 0);
  expect(made.notes.join()).toContain(`${kept?.layers.join(", ")} stay in float: `);
});
