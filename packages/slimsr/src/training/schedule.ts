/** How the learning rate goes on after its warm-up. */
export const SCHEDULES = ["constant", "step", "cosine"] as const;

export interface LearningRateOptions {
  learningRate: number;
  schedule: (typeof SCHEDULES)[number];
  /** Steps of all. */
  steps: number;
  /** Steps in which the rate rises linearly from 0. */
  warmup: number;
  /** `step`: the share of all steps after which the rate is multiplied by `decayFactor`, once. */
  decayAt: number;
  decayFactor: number;
}

/** The learning rate of step t = 1, 2, …; `cosine` (Loshchilov & Hutter 2017, eq. 5) falls from the peak to 0 at the last step. */
export function learningRateAt(t: number, options: LearningRateOptions): number {
  const { learningRate, schedule, steps, warmup, decayAt, decayFactor } = options;
  if (t <= warmup) return (learningRate * t) / warmup;
  switch (schedule) {
    case "constant":
      return learningRate;
    case "step":
      return t > decayAt * steps ? learningRate * decayFactor : learningRate;
    case "cosine":
      return (learningRate / 2) * (1 + Math.cos((Math.PI * (t - warmup - 1)) / Math.max(1, steps - warmup)));
  }
}

/** How the contrastive loss' weight goes: as it is, rising from 0 to it, or falling from it to 0. */
export const WEIGHT_SCHEDULES = ["constant", "rise", "fall"] as const;

export interface ContrastiveWeightOptions {
  lambdaContrastive: number;
  contrastiveSchedule: (typeof WEIGHT_SCHEDULES)[number];
  steps: number;
}

/** λ_C at step t = 1, 2, …, linear in t. */
export function contrastiveWeightAt(t: number, options: ContrastiveWeightOptions): number {
  const { lambdaContrastive, contrastiveSchedule, steps } = options;
  switch (contrastiveSchedule) {
    case "constant":
      return lambdaContrastive;
    case "rise":
      return (lambdaContrastive * t) / steps;
    case "fall":
      return lambdaContrastive * (1 - (t - 1) / steps);
  }
}
