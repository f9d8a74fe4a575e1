import { NetworkError } from "@slimsr/core/internal/errors.js";
import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";

/** The largest uniform width that fits. */
export function uniform(model: Model, cost: (counts: readonly number[]) => number, limit: number): number[] {
  for (let kept = widestOf(model); kept > 0; kept--) {
    const counts = uniformCounts(model, kept);
    if (cost(counts) <= limit) return counts;
  }
  throw new NetworkError(`no student fits a budget of ${Math.floor(limit).toLocaleString("en")}; allow more`);
}

export const widestOf = (model: Model): number => Math.max(...channelAnalysis(model).groups.map(({ size }) => size));

/** The counts of a uniform width at which the widest group keeps `kept` channels. */
export const uniformCounts = (model: Model, kept: number): number[] =>
  channelAnalysis(model).groups.map(({ size }) => Math.max(1, Math.floor((kept * size) / widestOf(model))));
