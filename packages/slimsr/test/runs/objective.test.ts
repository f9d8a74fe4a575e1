import { expect, it } from "vitest";
import { objectiveOf, usedSettings } from "../../src/runs/objective.js";
import { presetSettings } from "../../src/runs/presets.js";
import { resolveSettings } from "../../src/runs/resolve-settings.js";
import type { PartialSettings } from "../../src/runs/settings.js";

const settingsOf = (preset: "paper" | "cpu", more: PartialSettings) => {
  const given = { teacher: "t.pt", train: "a", val: "b", ...more };
  return resolveSettings({ ...presetSettings(preset, 2, given), ...given }, "settings");
};

it("says what a method is made of", () => {
  const cpu = (more: PartialSettings) => objectiveOf(settingsOf("cpu", more));
  expect(cpu({ method: "slice" })).toBe("L1");
  expect(cpu({ method: "scratch" })).toBe("L1");
  expect(cpu({ method: "kd" })).toBe("L1 + L1 to the teacher; frozen teacher");
  // Under this preset it has the term of kd, and the name alone doesn't say so.
  expect(cpu({ method: "csd" })).toBe("L1 + L1 to the teacher + 10 · contrastive; frozen teacher");
  expect(cpu({ method: "csd", lambdaDistillation: 0 })).toBe("L1 + 10 · contrastive; frozen teacher");
  expect(cpu({ method: "csd", contrast: "output", memoryBank: true, lambdaDistillation: 0 })).toBe(
    "L1 + 10 · contrastive of outputs (memory bank); frozen teacher",
  );
  expect(cpu({ method: "csd", negativesFrom: "student", average: 0.9, lambdaDistillation: 0 })).toBe(
    "L1 + 10 · contrastive (student's negatives); frozen teacher",
  );
  expect(cpu({ method: "csd", lambdaContrastive: 0 })).toBe("L1 + L1 to the teacher; frozen teacher");
  expect(cpu({ method: "joint", lambdaAnchor: 0, lambdaDistillation: 0 })).toBe(
    "L1 + the teacher's L1; shared teacher",
  );
  expect(objectiveOf(settingsOf("paper", {}))).toBe("L1 + 200 · contrastive + the teacher's L1; shared teacher");
});

it("says which tutors are learnt", () => {
  const cpu = (more: PartialSettings) => objectiveOf(settingsOf("cpu", more));
  expect(cpu({ tutor: ["zoo/large.onnx"] })).toBe("L1 + L1 to the tutor; tutor large.onnx");
  expect(cpu({ tutor: ["a.onnx", "b.pt"], selfEnsemble: true })).toBe(
    "L1 + L1 to the tutors' mean; tutor a.onnx, tutor b.pt (self-ensemble)",
  );
  expect(cpu({ method: "joint", lambdaAnchor: 0, tutor: ["a.onnx"] })).toBe(
    "L1 + L1 to the tutor + the teacher's L1; shared teacher, tutor a.onnx",
  );
  const keys = (more: PartialSettings) => Object.keys(usedSettings(settingsOf("cpu", more)));
  expect(keys({ tutor: ["a.onnx"] })).toEqual(expect.arrayContaining(["tutor", "keepOutputsLimit"]));
  expect(keys({})).toContain("keepOutputs");
  for (const key of ["tutor", "selfEnsemble", "keepOutputs"]) expect(keys({ method: "slice" })).not.toContain(key);
});

it("knows the settings that a run looks at", () => {
  const keys = (more: PartialSettings) => Object.keys(usedSettings(settingsOf("cpu", more)));
  const contrastive = ["lambdaContrastive", "negatives", "taps", "vgg", "vggInput", "contrasted", "ratio"];
  const added = ["contrast", "negativesFrom", "memoryBank"];
  expect(keys({ method: "csd" })).toEqual(expect.arrayContaining(added));
  for (const key of added) expect(keys({ method: "slice" }), key).not.toContain(key);
  for (const key of ["taps", "vgg", "vggInput"]) expect(keys({ method: "csd", contrast: "output" })).not.toContain(key);
  const taught = ["lambdaTeacher", "lambdaAnchor"];
  for (const key of [...contrastive, ...taught, "lambdaDistillation", "teacherWeights", "decayAt"]) {
    expect(keys({ method: "slice" }), key).not.toContain(key);
  }
  expect(keys({ method: "csd" })).toEqual(expect.arrayContaining([...contrastive, "lambdaDistillation"]));
  expect(keys({ method: "joint" })).toEqual(expect.arrayContaining([...taught, "lambdaDistillation"]));
  expect(keys({ method: "kd", schedule: "step" })).toEqual(expect.arrayContaining(["decayAt", "decayFactor"]));
  expect(keys({ method: "kd" })).toContain("calibrationPatches");
  expect(keys({ method: "scratch" })).not.toContain("calibrationPatches");
  expect(usedSettings(settingsOf("paper", {})).contrasted).toBeNull();
});
