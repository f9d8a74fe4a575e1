import type { Scale } from "../networks/options.js";
import type { PartialSettings } from "./settings.js";

export const PRESETS = ["paper", "cpu", "quick"] as const;
export type Preset = (typeof PRESETS)[number];

/** HR pixels along a side of the published patches. */
const PUBLISHED_PATCH = 192;

/**
 * Settings that go together.
 * `paper`: the published recipe (CSD, section 4.1), the same for EDSR, RCAN and CARN: 400 epochs of 1,000 steps.
 * `cpu`: what gave the best student within a quarter of an hour on two cores.
 * `quick`: a first look, within a minute or two.
 */
export function presetSettings(preset: Preset, scale: Scale): PartialSettings {
  switch (preset) {
    case "paper":
      return {
        ...{ method: "csd", teacherWeights: "shared", init: "plain", split: "official", width: [0.25] },
        ...{ steps: 400_000, batch: 16, patch: PUBLISHED_PATCH / scale },
        ...{ learningRate: 1e-4, schedule: "step", decayAt: 0.5, decayFactor: 0.1 },
        ...{ lambdaContrastive: 200, negatives: 10, lambdaTeacher: 1 },
        ...{ validateEvery: 5000, checkpointEvery: 1000 },
      };
    case "cpu":
      return {
        ...{ method: "kd", init: "principal", steps: 2500, batch: 16, patch: 24 },
        ...{ learningRate: 5e-4, schedule: "cosine", warmup: 100 },
      };
    case "quick":
      return {
        ...{ method: "csd", teacherWeights: "frozen", init: "principal", steps: 300, batch: 8, patch: 24 },
        ...{ calibrationPatches: 96, learningRate: 2e-4, schedule: "cosine", warmup: 30 },
        ...{ lambdaContrastive: 10, lambdaDistillation: 1, negatives: 4, contrasted: 2 },
        ...{ validateEvery: 100, checkpointEvery: 100 },
      };
  }
}
