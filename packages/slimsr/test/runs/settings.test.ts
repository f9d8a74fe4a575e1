import { describe, expect, it } from "vitest";
import { UsageError } from "../../../core/src/errors.js";
import { METHODS, ROUNDING_METHODS } from "../../src/runs/methods.js";
import { PRESETS, presetSettings } from "../../src/runs/presets.js";
import { resolveSettings } from "../../src/runs/resolve-settings.js";
import { type PartialSettings, settingsOver } from "../../src/runs/settings.js";

const least = { teacher: "teacher.pt", train: "photos", val: "Kodak24" };
const resolve = (settings: object) => resolveSettings({ ...least, ...settings }, "run.json");

describe("settings", () => {
  it("are complete once resolved", () => {
    const settings = resolve({});
    expect(settings).toMatchObject({ ...least, width: [0.5], batch: 16, seed: 0, device: "cpu", data: [] });
  });

  it.each([
    [{ learning_rate: 1 }, "unknown key learning_rate; there are teacher, network"],
    [{ batch: 0 }, "batch must be a whole number from 1 to 4096, not 0"],
    [{ width: [1.5] }, "width.0 must be a number above 0 and up to 1, not 1.5"],
    [{ threads: 1000 }, "threads must be a whole number from 1 to 256, not 1000"],
    [{ learningRate: 1e-320 }, "learningRate must be a number from 1e-9 to 10"],
    [{ val: undefined }, "val (--val) is missing: folder of validation images"],
    [{ network: { architecture: "edsr", scale: 5 } }, "network.scale must be 2, 3 or 4, not 5"],
    [{ network: { architecture: "none" } }, "network.architecture must be edsr, rcan, carn, espcn"],
    [{ device: "gpu" }, 'device must be cpu, webgpu or cuda, not "gpu"'],
    [{ width: [0.5, 0.5] }, "names one width twice"],
    [{ learningRate: "fast" }, "learningRate"],
    [{ contrasted: 20 }, "contrasted 20 is more than the batch has (16)"],
    [{ method: "joint", teacherWeights: "frozen" }, "method joint trains the teacher too"],
    [{ teacher: undefined }, "no teacher is given"],
    [{ train: undefined }, "train"],
    [{ average: 1 }, "average"],
    [{ method: "magic" }, "method"],
    [{ taps: [1, 1, 1] }, "taps"],
    [{ taps: [0, 0, 0, 0, 0] }, "taps are all 0"],
    [{ contrastiveSchedule: "cosine" }, "contrastiveSchedule"],
  ])("%j are refused", (wrong, message) => {
    expect(() => resolve(wrong)).toThrow(UsageError);
    expect(() => resolve(wrong)).toThrow(message);
    expect(() => resolve(wrong)).toThrow(/^(run\.json: |width|contrasted|method|no teacher|taps)/);
  });

  it.each([
    [{ method: "kd", contrast: "output" }, "contrast output is given, but method kd has no contrastive loss"],
    [{ lambdaContrastive: 0, negativesFrom: "student" }, "negativesFrom student is given, but method csd has no"],
    [{ method: "slice", memoryBank: true }, "memoryBank is given, but method slice has no contrastive loss"],
    [{ memoryBank: true, negatives: 1 }, "choose negatives 2 or more"],
    [{ negativesFrom: "student" }, "average is 0: give one, such as --average 0.99"],
    [{ negativesFrom: "student", average: 0.9, width: [0.5, 0.25] }, "there are 2 students: name one width"],
    [{ negativesFrom: "student", average: 0.9, memoryBank: true }, "leave one out"],
    [{ negativesFrom: "student", average: 0.9, ratio: "sample" }, "choose ratio batch"],
  ])("of a contrastive loss that can't be had, %j, are refused", (wrong, message) => {
    expect(() => resolve(wrong)).toThrow(UsageError);
    expect(() => resolve(wrong)).toThrow(message);
  });

  it("say once how slim students are, by whatever stands nearest to the run", () => {
    const over = (...all: PartialSettings[]) => resolve(all.reduce(settingsOver, {}));
    const paper = presetSettings("paper", 2);
    expect(over(paper, { macs: "25%" })).toMatchObject({ macs: "25%" });
    expect(over(paper, { macs: "25%" }).width).toBeUndefined();
    expect(over(paper, { ms: 30, at: "256x256" }, { width: [0.75] }).at).toBeUndefined();
    expect(over(paper, { steps: 7 })).toMatchObject({ width: [0.25], steps: 7 });
    expect(over({ ms: 30 }, { at: "64x64" })).toMatchObject({ ms: 30, at: "64x64" });
  });

  it("are the same bytes when they are read back", () => {
    for (const given of [{}, { macs: "25%" }, { width: [0.25] }]) {
      const text = JSON.stringify(resolve(given));
      expect(JSON.stringify(resolveSettings(JSON.parse(text), "config.json"))).toBe(text);
    }
  });

  it("make scratch begin at random, and kd learn the teacher's output", () => {
    expect(resolve({ method: "scratch" }).init).toBe("random");
    expect(resolve({ method: "kd" }).lambdaDistillation).toBe(1);
    expect(resolve({ method: "kd", lambdaDistillation: 0.3 }).lambdaDistillation).toBe(0.3);
  });

  it.each(PRESETS)("of preset %s are sound for every method and scale", (preset) => {
    for (const scale of [2, 3, 4] as const) {
      for (const method of METHODS) {
        const bits = ROUNDING_METHODS.some((name) => name === method) ? { bits: 4 } : {};
        const settings = { ...presetSettings(preset, scale, { method, ...bits }), ...bits };
        expect(resolve(settings).method).toBe(method);
        const single = { ...presetSettings(preset, scale, { method, batch: 1, ...bits }), ...bits, batch: 1 };
        expect(() => resolve(single)).not.toThrow();
        expect(() => resolve(settings)).not.toThrow();
      }
    }
  });

  it("hold a shared teacher to what it was, unless the paper's are asked for", () => {
    const anchor = (...args: Parameters<typeof presetSettings>) => resolve(presetSettings(...args)).lambdaAnchor;
    expect(anchor("cpu", 2, { method: "joint" })).toBe(2);
    expect(anchor("cpu", 2, { method: "csd", teacherWeights: "shared" })).toBe(2);
    expect(anchor("cpu", 2, { method: "csd" })).toBe(0);
    expect(anchor("paper", 2, { method: "joint" })).toBe(0);
    expect(resolve(presetSettings("cpu", 2, { method: "csd" })).teacherWeights).toBe("frozen");
  });

  it("have Muon for processors, but not with what it wasn't tried with", () => {
    const optimiser = (...args: Parameters<typeof presetSettings>) => {
      const { optimiser, learningRate } = resolve({ ...presetSettings(...args), ...args[2] });
      return [optimiser, learningRate];
    };
    for (const preset of ["cpu", "best", "quick"] as const) {
      expect(optimiser(preset, 2)).toEqual(["muon", 1e-3]);
      expect(optimiser(preset, 2, { method: "csd" })).toEqual(["muon", 1e-3]);
      expect(optimiser(preset, 2, { bits: 4 })).toEqual(["adam", 5e-4]);
      expect(optimiser(preset, 2, { method: "joint" })).toEqual(["adam", 2e-4]);
    }
    expect(optimiser("paper", 2)).toEqual(["adam", 1e-4]);
  });

  it("differ in how long they train, and in nothing else where it is short", () => {
    const lengths = ["steps", "warmup", "calibrationPatches", "validateEvery", "checkpointEvery"] as const;
    const rest = (preset: "cpu" | "quick", given: Parameters<typeof presetSettings>[2]) =>
      Object.entries(presetSettings(preset, 2, given)).filter(([key]) => !lengths.some((length) => length === key));
    for (const given of [{}, { method: "csd" }, { method: "joint" }, { bits: 4 }, { batch: 2 }] as const) {
      expect(rest("quick", given)).toEqual(rest("cpu", given));
    }
    expect(resolve(presetSettings("quick", 2)).steps).toBeLessThan(resolve(presetSettings("cpu", 2)).steps / 10);
  });

  it("draw from smaller copies for the best student, where they can be made", () => {
    expect(resolve(presetSettings("best", 2)).scaleAugmentation).toBe(0.6);
    const given = { trainInput: "inputs" };
    expect(resolve({ ...presetSettings("best", 2, given), ...given }).scaleAugmentation).toBe(0);
    expect(resolve(presetSettings("cpu", 2)).scaleAugmentation).toBe(0);
  });

  it("of the paper are the published ones", () => {
    const paper = resolve(presetSettings("paper", 4));
    expect(paper).toMatchObject({ batch: 16, patch: 48, learningRate: 1e-4, schedule: "step", decayAt: 0.5 });
    expect(paper).toMatchObject({ steps: 400_000, lambdaContrastive: 200, negatives: 10, lambdaTeacher: 1 });
    expect(paper).toMatchObject({ vggInput: "raw", taps: [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1], lambdaAnchor: 0 });
    expect(paper).toMatchObject({ method: "csd", teacherWeights: "shared", init: "plain", split: "official" });
    expect(paper).toMatchObject({ ratio: "batch", average: 0, lambdaDistillation: 0, width: [0.25] });
    expect(paper.contrasted).toBeUndefined();
    expect(presetSettings("paper", 3).patch).toBe(64);
  });
});
