import type { Exchange } from "../exchange/exchange.js";
import type { StepLosses } from "./trainer.js";

/** Ranks that take each step together, and what this one's samples count in it: see `shareOf`. */
export interface Ranks {
  readonly exchange: Exchange;
  readonly weight: number;
}

/** What ranks make of a step: means over samples, and whether one is to stop after it. */
export interface Joined {
  readonly gradient: Float32Array<ArrayBuffer>;
  readonly losses: StepLosses;
  readonly stopping: boolean;
}

/** Seconds that other ranks may be late with a step, and how many times as long as this one they may take. */
const LEAST_PATIENCE = 120;
const SLOWEST = 20;

/**
 * The means over all ranks' samples, of which this rank has those over its own. All go in one vector, for a message costs more than the numbers in it.
 * @param own with the seconds that it took
 */
export async function joined({ exchange, weight }: Ranks, own: Joined & { readonly seconds: number }): Promise<Joined> {
  const { gradient, losses } = own;
  const numbers = Object.values(losses).flat();
  const vector = new Float32Array(gradient.length + numbers.length + 1);
  for (let i = 0; i < gradient.length; i++) vector[i] = weight * (gradient[i] as number);
  numbers.forEach((value, i) => {
    vector[gradient.length + i] = weight * value;
  });
  vector[vector.length - 1] = own.stopping ? 1 : 0;
  await exchange.sum(vector, Math.max(LEAST_PATIENCE, SLOWEST * own.seconds));
  let at = gradient.length;
  const means = Object.entries(losses).map(([name, value]) => {
    if (typeof value === "number") return [name, vector[at++] as number] as const;
    const part = Array.from(vector.subarray(at, at + value.length));
    at += value.length;
    return [name, part] as const;
  });
  return {
    gradient: vector.slice(0, gradient.length),
    losses: Object.fromEntries(means),
    stopping: vector[vector.length - 1] !== 0,
  };
}
