import { UsageError } from "@slimsr/core/internal/errors.js";

/** Images `first` to `last`, both included, counted from 1. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Reads "801-810", or "5" for a single image. @throws UsageError if it is nothing of the kind */
export function parseRange(text: string): Range {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text.trim());
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!(first >= 1 && last >= first)) {
    throw new UsageError(`${text}: not a range of images; expected first-last, such as 1-800, or a single number`);
  }
  return { first, last };
}
