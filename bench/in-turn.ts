import { setTimeout } from "node:timers/promises";

/** After a run the threads of ONNX Runtime and of OpenMP look out for the next one, and take a core for some 50 ms. */
const REST_MILLISECONDS = 150;

/** Does a contender's work when the one before has come to rest. */
export async function rested<Result>(work: () => Promise<Result>): Promise<Result> {
  await setTimeout(REST_MILLISECONDS);
  return work();
}

/** The upper one of an even number. */
export const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] as number;
