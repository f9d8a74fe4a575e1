import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { type Patches, somePatches } from "../../calibration/batches.js";
import { type AlignedTeacher, type SlimmingProgress, slimTeacher } from "../aligned-teacher.js";
import { type Allocation, exchange, neighboursOf, STEP } from "./channel-exchange.js";
import { errorAgainst } from "./output-error.js";
import { costModel, type StudentCost } from "./student-cost.js";
import { uniform } from "./uniform-widths.js";

/** What a student may cost at most. */
export interface Budget {
  readonly of: keyof StudentCost;
  /** As a share of the teacher's. */
  readonly share: number;
}

/**
 * How much the loss of a shared stream weighs against that of channels inside a block: refitting repairs both, but not equally
 * well, so that several weights are tried and what they lead to is measured.
 */
const STREAM_WEIGHTS = [4, 8, 16, 32, 64];

/** Patches that trials are fitted to, at most. */
const TRIAL_PATCHES = 32;

/** How many patches tell small differences between allocations. */
export const MEASURING_PATCHES = 64;

/** Groups between which channels are exchanged, at most: each takes two trials, and a trial is a refit. */
const MOST_EXCHANGED = 12;

/**
 * Counts of channels per group that lose least within a budget. What a group loses is predicted from the energies and
 * sensitivities of its channels; of several allocations, the uniform one among them, that with the least error after refitting
 * is taken; then groups exchange channels by what that is measured to change.
 * @param patches what students are fitted to
 * @param measuring patches that weren't fitted to, on which errors are measured
 * @throws NetworkError where no allocation is small enough
 */
export async function allocate(
  teacher: AlignedTeacher,
  budget: Budget,
  patches: Patches,
  measuring: Patches,
  progress: SlimmingProgress = {},
): Promise<number[]> {
  const { model } = teacher;
  const { cost, limit } = priced(model, budget);
  const candidates = [
    uniform(model, cost, limit),
    ...STREAM_WEIGHTS.map((weight) => greedy(teacher, cost, limit, weight)),
  ].filter((counts) => counts !== undefined);
  const first = distinct(candidates);
  const fitting = somePatches(patches, 0, TRIAL_PATCHES);
  const { signal, exchange: ranks } = progress;
  const errorOf = await errorAgainst(model, measuring, ranks);
  const { groups } = channelAnalysis(model);
  const isExchanged = groups.length <= MOST_EXCHANGED;
  const trials = first.length + (isExchanged ? 2 * groups.length + 2 : 0);
  let done = 0;
  const measured = async (counts: readonly number[]): Promise<Allocation> => {
    const student = await slimTeacher(teacher, counts, fitting, true, { signal, exchange: ranks });
    const error = await errorOf(student);
    progress.onProgress?.("allocate", Math.min(++done, trials), trials);
    return { counts, error };
  };
  const found: Allocation[] = [];
  for (const counts of first) found.push(await measured(counts));
  const stepped = found.filter(({ counts }) => counts.every((n, g) => n % STEP === 0 || n === groups[g]?.size));
  const from = stepped.length > 0 && isExchanged ? leastError(stepped) : undefined;
  if (from) {
    const neighbours = await neighboursOf(model, from, measured);
    // What a stream that is wider or narrower changes isn't what the groups along it were measured with.
    const inside = neighbours.filter(({ group }) => !teacher.losses[group]?.shared);
    const exchanged = [neighbours, inside].map((each) => exchange(each, from.counts, cost, limit));
    for (const counts of distinct([from.counts, ...exchanged]).slice(1)) found.push(await measured(counts));
  }
  progress.onProgress?.("allocate", trials, trials);
  return [...leastError(found).counts];
}

/** Counts of the widest uniform student within a budget. @throws NetworkError where even the slimmest costs more */
export function uniformWithin(model: Model, budget: Budget): number[] {
  const { cost, limit } = priced(model, budget);
  return uniform(model, cost, limit);
}

/** What students cost by their counts of channels, and what they may. */
function priced(model: Model, { of, share }: Budget): { cost: (counts: readonly number[]) => number; limit: number } {
  const costOf = costModel(model);
  const cost = (counts: readonly number[]) => costOf(counts)[of];
  return { cost, limit: cost(channelAnalysis(model).groups.map(({ size }) => size)) * share };
}

const distinct = (all: readonly (readonly number[])[]): (readonly number[])[] => [
  ...new Map(all.map((counts) => [counts.join(), counts])).values(),
];

const leastError = (all: readonly Allocation[]): Allocation =>
  all.reduce((least, each) => (each.error < least.error ? each : least));

/** Takes from the full network, again and again, the channels that lose least for what they cost; undefined if it ends too large. */
function greedy(
  { model, losses }: AlignedTeacher,
  cost: (counts: readonly number[]) => number,
  limit: number,
  streamWeight: number,
): number[] | undefined {
  const { groups } = channelAnalysis(model);
  const counts = groups.map(({ size }) => size);
  const loss = (g: number, from: number, to: number) => {
    const { perChannel = [], shared = false } = losses[g] ?? {};
    return perChannel.slice(from, to).reduce((a, b) => a + b, 0) * (shared ? streamWeight : 1);
  };
  for (let spent = cost(counts); spent > limit; spent = cost(counts)) {
    let best = { ratio: Number.POSITIVE_INFINITY, group: -1, count: 0 };
    for (const [g, { size }] of groups.entries()) {
      const now = counts[g] as number;
      const count = Math.ceil(now / STEP - 1) * STEP;
      if (size < 2 * STEP || count < STEP) continue;
      counts[g] = count;
      const saved = spent - cost(counts);
      counts[g] = now;
      const ratio = loss(g, count, now) / saved;
      if (saved > 0 && ratio < best.ratio) best = { ratio, group: g, count };
    }
    if (best.group < 0) return undefined;
    counts[best.group] = best.count;
  }
  return fillUp(model, counts, cost, limit, loss);
}

/** Gives back, while the budget has room, the channels that gain most for what they cost. */
function fillUp(
  model: Model,
  counts: number[],
  cost: (counts: readonly number[]) => number,
  limit: number,
  loss: (group: number, from: number, to: number) => number,
): number[] {
  for (;;) {
    const spent = cost(counts);
    let best = { ratio: 0, group: -1, count: 0 };
    for (const [g, { size }] of channelAnalysis(model).groups.entries()) {
      const now = counts[g] as number;
      const count = Math.min(size, now + STEP);
      counts[g] = count;
      const price = cost(counts) - spent;
      counts[g] = now;
      if (price <= 0 || spent + price > limit) continue;
      const ratio = loss(g, now, count) / price;
      if (ratio > best.ratio) best = { ratio, group: g, count };
    }
    if (best.group < 0) return counts;
    counts[best.group] = best.count;
  }
}
