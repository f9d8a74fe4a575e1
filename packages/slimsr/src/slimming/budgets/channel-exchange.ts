import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";

/** Channels are kept in multiples of this, which engines' vector units take; smaller groups stay whole. */
export const STEP = 8;

/** Counts of channels per group, and the mean squared error that they lead to. */
export interface Allocation {
  readonly counts: readonly number[];
  readonly error: number;
}

/** A group with a step more or fewer of its channels than an allocation has, and what that adds to the error. */
export interface Neighbour {
  readonly group: number;
  readonly count: number;
  readonly rise: number;
}

/** The neighbours of an allocation, each measured. */
export async function neighboursOf(
  model: Model,
  { counts, error }: Allocation,
  measured: (counts: readonly number[]) => Promise<Allocation>,
): Promise<Neighbour[]> {
  const neighbours: Neighbour[] = [];
  for (const [group, { size }] of channelAnalysis(model).groups.entries()) {
    const now = counts[group] as number;
    for (const count of [now - STEP, Math.min(size, now + STEP)]) {
      if (count < STEP || count === now) continue;
      const neighbour = await measured(counts.with(group, count));
      neighbours.push({ group, count, rise: neighbour.error - error });
    }
  }
  return neighbours;
}

/**
 * Exchanges channels between groups: each takes the neighbour, or stays, whichever has the least rise + λ·cost, with the smallest λ
 * that the budget bears (Lagrange's multiplier of the budget). What is left goes to those that gain most for what they cost.
 */
export function exchange(
  neighbours: readonly Neighbour[],
  counts: readonly number[],
  cost: (counts: readonly number[]) => number,
  limit: number,
): number[] {
  const now = cost(counts);
  const priced = neighbours.map((each) => ({ ...each, price: cost(counts.with(each.group, each.count)) - now }));
  const multipliers = priced.map(({ rise, price }) => -rise / price).filter((ratio) => ratio > 0);
  // A shade above where a neighbour becomes worth its price, so that rounding doesn't decide.
  const shade = 1.000001;
  for (const multiplier of multipliers.sort((a, b) => a - b)) {
    const next = counts.map((count, group) => {
      const options = [{ count, rise: 0, price: 0 }, ...priced.filter((each) => each.group === group)];
      const value = ({ rise, price }: { rise: number; price: number }) => rise + shade * multiplier * price;
      return options.reduce((least, each) => (value(each) < value(least) ? each : least)).count;
    });
    if (cost(next) <= limit) return spendRest(next, priced, cost, limit);
  }
  return [...counts];
}

function spendRest(
  counts: readonly number[],
  priced: readonly (Neighbour & { readonly price: number })[],
  cost: (counts: readonly number[]) => number,
  limit: number,
): number[] {
  const gains = priced.filter(({ rise, price }) => rise < 0 && price > 0);
  return gains
    .sort((a, b) => a.rise / a.price - b.rise / b.price)
    .reduce(
      (spent, { group, count }) => {
        const more = spent.with(group, Math.max(count, spent[group] as number));
        return cost(more) <= limit ? more : spent;
      },
      [...counts],
    );
}
