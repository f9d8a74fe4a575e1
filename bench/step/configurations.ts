import { DIV2K_MEAN, type NetworkOptions } from "../../packages/core/src/networks/index.js";

/** A training step that is timed. */
export interface StepConfiguration {
  title: string;
  network: NetworkOptions;
  width: number;
  batch: number;
  /** Height and width of an LR patch. */
  patch: number;
  /** K; 0 for a step without the contrastive loss. */
  negatives: number;
  contrasted: number;
  /**
   * The teacher trains with the student, whose weights are its first ones; is run beside a student of its own weights, which learns its output; or is
   * replaced by outputs that were kept.
   */
  teacher: "shared" | "frozen" | "kept";
  /** Largest ratio of our time to PyTorch's that is aimed at. */
  target: number;
}

const common = { mean: DIV2K_MEAN, range: 255, features: 64 } as const;
const shared = { teacher: "shared" } as const;
const distilled = { width: 0.5, batch: 16, patch: 24, negatives: 0, contrasted: 0, target: 0.6 } as const;
const edsr = (blocks: number, scale: 2 | 4): NetworkOptions => ({
  ...common,
  architecture: "edsr",
  scale,
  blocks,
  resScale: 0.1,
});

export const STEP_CONFIGURATIONS: Readonly<Record<string, StepConfiguration>> = {
  edsr: {
    title: "EDSR 16×64 ×4, batch 4, LR 24, width 0.25, K 4",
    network: edsr(16, 4),
    ...{ ...shared, width: 0.25, batch: 4, patch: 24, negatives: 4, contrasted: 4, target: 0.8 },
  },
  "edsr-joint": {
    title: "the same without the contrastive loss",
    network: edsr(16, 4),
    ...{ ...shared, width: 0.25, batch: 4, patch: 24, negatives: 0, contrasted: 0, target: 1 },
  },
  "edsr-x2": {
    title: "EDSR 8×64 ×2, batch 16, LR 24, width 0.5, K 4 on 4 samples",
    network: edsr(8, 2),
    ...{ ...shared, width: 0.5, batch: 16, patch: 24, negatives: 4, contrasted: 4, target: 0.8 },
  },
  carn: {
    title: "CARN 64 ×2, batch 4, LR 24, width 0.5, K 4",
    network: { ...common, architecture: "carn", scale: 2, variant: "csd" },
    ...{ ...shared, width: 0.5, batch: 4, patch: 24, negatives: 4, contrasted: 4, target: 0.8 },
  },
  rcan: {
    title: "RCAN 2×4×64 ×4, batch 4, LR 24, width 0.25, K 4",
    network: { ...common, architecture: "rcan", scale: 4, groups: 2, blocks: 4, reduction: 16 },
    ...{ ...shared, width: 0.25, batch: 4, patch: 24, negatives: 4, contrasted: 4, target: 0.8 },
  },
  kd: {
    title: "EDSR 8×64 ×2 to width 0.5, batch 16, LR 24, from a frozen teacher (kd)",
    network: edsr(8, 2),
    ...{ ...distilled, teacher: "frozen" },
  },
  "kd-kept": {
    title: "the same from outputs that were kept",
    network: edsr(8, 2),
    ...{ ...distilled, teacher: "kept" },
  },
};
