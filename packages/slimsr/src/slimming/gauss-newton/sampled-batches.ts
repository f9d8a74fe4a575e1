import type { Patches } from "../../calibration/batches.js";

/** Patches that curvature is taken from, at most. */
const SAMPLED_PATCHES = 48;

/** Some of the batches, from everywhere among them. */
export function sampledBatches(batches: readonly Patches[]): Patches[] {
  const share = Math.min(1, SAMPLED_PATCHES / batches.reduce((sum, { count }) => sum + count, 0));
  return batches.filter((_, i) => Math.ceil((i + 1) * share) > Math.ceil(i * share));
}
