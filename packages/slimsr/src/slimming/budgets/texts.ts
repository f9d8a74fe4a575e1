import { UsageError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import type { Budget } from "./allocate.js";
import type { LatencyOptions, TimeBudget } from "./latency.js";

/** A budget as settings and command lines have it: one of the first three. */
export interface BudgetTexts {
  /** "4x" */
  readonly budget?: string | undefined;
  /** "25%" */
  readonly macs?: string | undefined;
  /** Milliseconds. */
  readonly ms?: number | undefined;
  /** "1280x720" */
  readonly at?: string | undefined;
}

/** "4x": that many times fewer parameters, from 1 to 1,000,000; undefined for another text. */
export function reduction(text: string): Budget | undefined {
  const factor = Number(/^(\d+(?:\.\d+)?)x?$/i.exec(text)?.[1]);
  return factor >= 1 && factor <= 1e6 ? { of: "parameters", share: 1 / factor } : undefined;
}

/** "25%" of the multiply-accumulates, above 0 and up to 100; undefined for another text. */
export function percentage(text: string): Budget | undefined {
  const share = Number(/^(\d+(?:\.\d+)?)%$/.exec(text)?.[1]) / 100;
  return share > 0 && share <= 1 ? { of: "macs", share } : undefined;
}

/** What `outputSize` reads. */
export const OUTPUT_SIZE = "a width and a height from 8 to 65536 pixels, such as 1280x720";

/** "1280x720": pixels across and down, from 8 to 65,536 each; undefined for another text. */
export function outputSize(text: string): Size | undefined {
  const [width, height] = (/^(\d+)[x×](\d+)$/i.exec(text) ?? []).slice(1).map(Number);
  if (width === undefined || height === undefined) return undefined;
  return [width, height].every((side) => side >= 8 && side <= 65_536) ? { width, height } : undefined;
}

/**
 * What a student may cost; undefined where nothing says so.
 * @throws UsageError for a size without a time
 */
export function budgetOf(
  { budget, macs, ms, at }: BudgetTexts,
  { device, threads }: Pick<LatencyOptions, "device" | "threads">,
): Budget | TimeBudget | undefined {
  if (ms !== undefined) {
    const size = at === undefined ? undefined : outputSize(at);
    return { milliseconds: ms, ...(size && { at: size }), ...(device && { device }), ...(threads && { threads }) };
  }
  if (at !== undefined) throw new UsageError("--at says where --ms is measured; give that, or leave it out");
  if (budget !== undefined) return reduction(budget);
  return macs === undefined ? undefined : percentage(macs);
}
