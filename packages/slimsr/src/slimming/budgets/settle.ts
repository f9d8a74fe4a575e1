import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { type Budget, uniformWithin } from "./allocate.js";
import { latencyBudget, type TimeBudget } from "./latency.js";

/**
 * A budget as a share of what the network costs; a time is measured.
 * @throws NetworkError where even the slimmest student costs more
 */
export async function settleBudget(model: Model, budget: Budget | TimeBudget): Promise<Budget> {
  const settled = "milliseconds" in budget ? await latencyBudget(model, budget) : budget;
  uniformWithin(model, settled);
  return settled;
}

/** The mean share of channels that is kept where group i keeps `channels[i]`, to three digits. */
export function meanShare(model: Model, channels: readonly number[]): number {
  const whole = channelAnalysis(model).groups.reduce((sum, { size }) => sum + size, 0);
  return Number((channels.reduce((a, b) => a + b, 0) / whole).toFixed(3));
}
