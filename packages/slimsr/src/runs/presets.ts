import type { PartialSettings } from "./settings.js";

export const PRESETS = ["paper", "cpu", "best", "quick"] as const;
export type Preset = (typeof PRESETS)[number];

/** HR pixels along a side of the published patches. */
const PUBLISHED_PATCH = 192;

/** What the contrastive loss takes where time is short: few samples, and the L1 to the teacher's output beside it. */
const SHORT: PartialSettings = { lambdaDistillation: 1, lambdaContrastive: 10, negatives: 4 };

/** Shared weights bear a lower rate, and the teacher is held to what it is. */
const SHARED: PartialSettings = { teacherWeights: "shared", lambdaAnchor: 2, optimiser: "adam", learningRate: 2e-4 };

/** Muon's rate is for students of every size. Roundings were learnt by Adam alone. */
const MUON: PartialSettings = { optimiser: "muon", learningRate: 1e-3 };

/** What the presets for processors differ in. */
const LENGTHS: Readonly<Record<Exclude<Preset, "paper">, PartialSettings>> = {
  cpu: { steps: 4000, warmup: 100 },
  best: { steps: 30_000, warmup: 100, validateEvery: 2500 },
  quick: { steps: 200, warmup: 20, calibrationPatches: 96, validateEvery: 50, checkpointEvery: 50 },
};

/**
 * Settings that go together.
 * `paper`: the published recipe (CSD, section 4.1), the same for EDSR, RCAN and CARN: 400 epochs of 1,000 steps.
 * `cpu`: what gave the best student within five minutes of training on two cores: kd.
 * `best`: the same for most of an hour, from smaller copies of the images too.
 * `quick`: the same for half a minute at most, a first look.
 * @param given the method and what the teacher is, where others than the preset's own are asked for, the bits of roundings, a folder of inputs, of which no
 * smaller copies can be made, and the batch, of which no more can be contrasted
 */
export function presetSettings(
  preset: Preset,
  scale: number,
  {
    method,
    teacherWeights = method === "joint" ? "shared" : "frozen",
    bits,
    trainInput,
    batch = Number.POSITIVE_INFINITY,
  }: Pick<PartialSettings, "method" | "teacherWeights" | "bits" | "trainInput" | "batch"> = {},
): PartialSettings {
  const short = { ...SHORT, ...(teacherWeights === "shared" ? SHARED : { teacherWeights }) };
  if (preset === "paper") {
    return {
      ...{ method: method ?? "csd", teacherWeights: "shared", init: "plain", split: "official", width: [0.25] },
      ...{ steps: 400_000, batch: 16, patch: PUBLISHED_PATCH / scale },
      ...{ learningRate: 1e-4, schedule: "step", decayAt: 0.5, decayFactor: 0.1 },
      ...{ lambdaContrastive: 200, negatives: 10, lambdaTeacher: 1, vggInput: "raw" },
      ...{ validateEvery: 5000, checkpointEvery: 1000 },
    };
  }
  return {
    ...{ method: method ?? "kd", init: "principal", batch: 16, patch: 24, candidates: 2, schedule: "cosine" },
    ...LENGTHS[preset],
    ...(preset === "best" && trainInput === undefined && { scaleAugmentation: 0.6 }),
    ...(bits === undefined ? MUON : { learningRate: 5e-4 }),
    ...{ ...short, contrasted: Math.min(4, batch) },
  };
}
