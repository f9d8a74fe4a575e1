import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { CheckpointError, NetworkError } from "../../../core/src/errors.js";
import { readCase } from "../../src/parity/case.js";
import {
  type Comparison,
  compareCase,
  passes,
  type Quantity,
  relativeError,
  TOLERANCES,
} from "../../src/parity/compare.js";
import { type Change, changed, GOLDEN, temporaryFolder, writeCase } from "./cases.js";

const THREADS = { threads: 2, spinning: false };

async function compared(source: string, change: Change): Promise<Comparison> {
  const folder = temporaryFolder();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeCase(folder, "case", source, change);
  return compareCase(await readCase(join(folder, "case.json")), THREADS);
}

const failed = (comparison: Comparison): Quantity[] =>
  (Object.keys(comparison) as Quantity[]).filter((quantity) => !comparison[quantity].passed);

describe("training steps and the reference's", () => {
  const names = readdirSync(GOLDEN)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length));

  it("are compared in eight cases", () => {
    expect(names.sort()).toEqual([
      ...["carn_x3", "carn_x4", "edsr_x2", "edsr_x3", "edsr_x4", "edsr_x4_joint", "rcan_x2", "rcan_x4"],
    ]);
  });
});

describe("a difference from the reference is found", () => {
  it.each<[string, Quantity, string, string]>([
    ["an image's", "outputs", "edsr_x4_joint", "step1.student"],
    ["the negatives'", "outputs", "edsr_x3", "step1.negatives"],
    ["the loss'", "losses", "edsr_x4_joint", "step1.loss"],
    ["a distance's", "losses", "edsr_x3", "step1.d_neg"],
    ["a gradient's", "gradients", "edsr_x4_joint", "step1.grad.body.1.conv2.weight"],
    ["a gradient's that VGG19 has a part in", "gradients", "rcan_x2", "step1.grad.body.0.body.1.up.bias"],
    ["a weight's after the step", "parameters", "edsr_x4_joint", "step1.weight.tail.weight"],
    ["a later step's", "later", "edsr_x4_joint", "step3.l1_student"],
    ["a later image's", "later", "edsr_x4_joint", "step3.teacher"],
  ])("%s, of 1%", async (_, quantity, source, key) => {
    const comparison = await compared(
      source,
      changed(key, (value) => value * 1.01),
    );
    expect(failed(comparison)).toEqual([quantity]);
    expect(comparison[quantity].tensor).toBe(key);
    expect(comparison[quantity].error).toBeGreaterThan(TOLERANCES[quantity]);
    expect(comparison[quantity].error).toBeLessThan(0.011);
  });

  it("in one element", async () => {
    const comparison = await compared(
      "edsr_x4_joint",
      changed("step1.grad.body_conv.weight", (value, i) => (i === 700 ? value + 3 : value)),
    );
    expect(failed(comparison)).toEqual(["gradients"]);
    expect(comparison.gradients.tensor).toBe("step1.grad.body_conv.weight");
  });

  it("of sign, where rounding excuses much", async () => {
    const comparison = await compared(
      "carn_x4",
      changed("step1.grad.tail.weight", (value) => -value),
    );
    expect(failed(comparison)).toEqual(["gradients"]);
    expect(comparison.gradients.tensor).toBe("step1.grad.tail.weight");
  });

  it.each<[string, string, Record<string, unknown>]>([
    ["width", "edsr_x4_joint", { width: 0.5 }],
    ["learning rate", "edsr_x4_joint", { learning_rate: 1.1e-4 }],
    ["weight of the contrastive loss", "edsr_x4", { contra_lambda: 199 }],
    ["choice of negatives", "edsr_x4", { negatives: [2, 1] }],
  ])("of the settings: another %s", async (_, source, settings) => {
    const comparison = await compared(source, { settings: (all) => void Object.assign(all, settings) });
    expect(passes(comparison)).toBe(false);
  });
});

describe("a case that isn't whole", () => {
  it.each([
    "init.head.weight",
    "lr",
    "hr",
    "step1.student",
    "step1.contrastive",
    "step2.d_pos",
    "step1.grad.tail.bias",
    "step1.weight.tail.bias",
  ])("is refused: without %s", async (key) => {
    const comparing = compared("edsr_x4", { tensors: (tensors) => void tensors.delete(key) });
    await expect(comparing).rejects.toThrow(CheckpointError);
    await expect(comparing).rejects.toThrow(`case case: tensor ${key} is missing`);
  });

  it("is refused: with negatives and no features", async () => {
    const without = compared("edsr_x4", {
      tensors: (tensors) => {
        for (const key of [...tensors.keys()]) if (key.startsWith("vgg.")) tensors.delete(key);
      },
    });
    await expect(without).rejects.toThrow("case case has negatives but no vgg weights");
  });

  it("is refused: with weights of another shape", async () => {
    const odd = compared("edsr_x4_joint", {
      tensors: (tensors) =>
        void tensors.set("init.head.weight", { dtype: "float32", shape: [17, 3, 3, 3], data: new Float32Array(459) }),
    });
    await expect(odd).rejects.toThrow(NetworkError);
    await expect(odd).rejects.toThrow("parameter head.weight has shape [17, 3, 3, 3]; the network has [16, 3, 3, 3]");
  });

  it("fails: with more than a step yields", async () => {
    // A contrastive loss that joint training doesn't have.
    const comparison = await compared("edsr_x4_joint", {
      tensors: (tensors) =>
        void tensors.set("step1.contrastive", { dtype: "float32", shape: [], data: Float32Array.of(1) }),
    });
    expect(failed(comparison)).toEqual(["losses"]);
    expect(comparison.losses.error).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("the relative error", () => {
  it.each<[string, number[], number[], number]>([
    ["nothing between equals", [1, -2, 3], [1, -2, 3], 0],
    ["the difference's norm by theirs", [3, 4.5], [3, 4], 0.1],
    ["ours where theirs is zero", [0, 0.25], [0, 0], 0.25],
    ["nothing between empty ones", [], [], 0],
    ["infinite for other sizes", [1], [1, 2], Number.POSITIVE_INFINITY],
    ["infinite for what is no number", [Number.NaN], [1], Number.POSITIVE_INFINITY],
    ["infinite for what theirs isn't either", [1], [Number.NaN], Number.POSITIVE_INFINITY],
    ["infinite for infinities", [Number.POSITIVE_INFINITY], [1], Number.POSITIVE_INFINITY],
  ])("is %s", (_, ours, theirs, expected) => {
    expect(relativeError(ours, theirs)).toBe(expected);
  });
});
