import { DatasetError } from "@slimsr/core/internal/errors.js";

/** An image of a set that was left out. */
export interface Skipped {
  /** Path below the set's folder. */
  readonly file: string;
  /** What is wrong with it, naming files. */
  readonly reason: string;
}

/**
 * @throws DatasetError that lists the first few problems if there are any and they are not to be skipped, or if nothing
 * is left without them
 */
export function requireSound(folder: string, sound: number, problems: readonly Skipped[], skipBad: boolean): void {
  if (problems.length === 0 || (skipBad && sound > 0)) return;
  const shown = problems.slice(0, 3).map(({ reason }) => `\n  ${reason}`);
  const more = problems.length > 3 ? `\n  and ${problems.length - 3} more` : "";
  const advice = skipBad ? "no usable image is left" : "mend or remove the file, or skip such files (--skip-bad)";
  throw new DatasetError(`${folder}: ${advice}:${shown.join("")}${more}`);
}
