import type { PartialSettings } from "./settings.js";

export const PRESETS = ["paper", "cpu", "best", "quick"] as const;
export type Preset = (typeof PRESETS)[number];

/** HR pixels along a side of the published patches. */
const PUBLISHED_PATCH = 192;

/** What the contrastive loss takes where time is short: few samples, and the L1 to the teacher's output beside it. */
const SHORT: PartialSettings = { lambdaDistillation: 1, lambdaContrastive: 10, negatives: 4 };

/** Shared weights bear a lower rate, and the teacher is held to what it is. */
const SHARED: PartialSettings = { teacherWeights: "shared", lambdaAnchor: 2, optimiser: "adam", learningRate: 2e-4 };

/** Parameters of the students that rates of Adam were found with; smaller ones bear higher rates, in inverse proportion, up to some times as high. */
const USUAL_STUDENT = 160_000;
const MOST_TIMES = 4;

/** @param parameters the largest student's, where they are known */
const rateFor = (usual: number, parameters = USUAL_STUDENT): number =>
  Number((usual * Math.min(MOST_TIMES, Math.max(1, USUAL_STUDENT / parameters))).toPrecision(2));

/** Muon's rate is for students of every size. Roundings were learnt by Adam alone. */
const MUON: PartialSettings = { optimiser: "muon", learningRate: 1e-3 };

/**
 * Settings that go together.
 * `paper`: the published recipe (CSD, section 4.1), the same for EDSR, RCAN and CARN: 400 epochs of 1,000 steps.
 * `cpu`: what gave the best student within five minutes of training on two cores: kd.
 * `best`: the same for most of an hour, from smaller copies of the images too.
 * `quick`: a first look within a minute or two, contrastive loss and all.
 * @param given the method and what the teacher is, where others than the preset's own are asked for, the bits of roundings, a folder of inputs, of which no
 * smaller copies can be made, and the batch, of which no more can be contrasted
 * @param parameters the largest student's, where they are known: `quick` has higher rates for small ones
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
  parameters?: number,
): PartialSettings {
  const short = { ...SHORT, ...(teacherWeights === "shared" ? SHARED : { teacherWeights }) };
  switch (preset) {
    case "paper":
      return {
        ...{ method: method ?? "csd", teacherWeights: "shared", init: "plain", split: "official", width: [0.25] },
        ...{ steps: 400_000, batch: 16, patch: PUBLISHED_PATCH / scale },
        ...{ learningRate: 1e-4, schedule: "step", decayAt: 0.5, decayFactor: 0.1 },
        ...{ lambdaContrastive: 200, negatives: 10, lambdaTeacher: 1, vggInput: "raw" },
        ...{ validateEvery: 5000, checkpointEvery: 1000 },
      };
    case "cpu":
    case "best":
      return {
        ...{ method: method ?? "kd", init: "principal", batch: 16, patch: 24, candidates: 2 },
        ...(preset === "cpu" ? { steps: 4000 } : { steps: 30_000, validateEvery: 2500 }),
        ...(preset === "best" && trainInput === undefined && { scaleAugmentation: 0.6 }),
        ...{ ...(bits === undefined ? MUON : { learningRate: 5e-4 }), schedule: "cosine", warmup: 100 },
        ...{ ...short, contrasted: Math.min(4, batch) },
      };
    case "quick":
      return {
        ...{ method: method ?? "csd", init: "principal", steps: 300, batch: 8, patch: 24, calibrationPatches: 96 },
        ...{
          learningRate: rateFor(3e-4, parameters),
          schedule: "cosine",
          warmup: 30,
          candidates: 2,
          ...short,
          contrasted: Math.min(2, batch),
        },
        ...{ validateEvery: 100, checkpointEvery: 100 },
      };
  }
}
