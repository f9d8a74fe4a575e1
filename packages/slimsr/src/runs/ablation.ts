import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { RunError } from "@slimsr/core/internal/errors.js";
import { z } from "zod";
import { readJsonFile } from "./json-file.js";
import { CONFIG } from "./open.js";
import { type RunResult, readResult } from "./result.js";
import { type PartialSettings, resolveSettings, type Settings } from "./settings.js";
import { stepsTaken } from "./state.js";

/** What is compared: a name, and the settings in which its runs differ from the others. */
export interface Variant {
  readonly name: string;
  readonly settings: PartialSettings;
}

/** A run of a comparison. */
export interface AblationRun {
  readonly variant: Variant;
  readonly width: number;
  readonly seed: number;
  readonly folder: string;
}

/** A run whose students are measured, by its variant's name and its folder's. */
export interface FinishedRun {
  readonly name: string;
  readonly folder: string;
  readonly result: RunResult;
}

/** Every variant at every width with every seed, in folders below `out`. */
export const planAblation = (
  out: string,
  variants: readonly Variant[],
  widths: readonly number[],
  seeds: readonly number[],
): AblationRun[] =>
  variants.flatMap((variant) =>
    widths.flatMap((width) =>
      seeds.map((seed) => ({ variant, width, seed, folder: join(out, `${variant.name}-w${width}-s${seed}`) })),
    ),
  );

/** The runs that are finished in `out` beside those of a plan. */
export async function finishedBeside(out: string, plan: readonly AblationRun[]): Promise<FinishedRun[]> {
  const planned = new Set(plan.map(({ folder }) => basename(folder)));
  const found = (await readdir(out).catch(() => [])).sort().filter((folder) => !planned.has(folder));
  const runs = await Promise.all(
    found.map(async (folder): Promise<FinishedRun[]> => {
      const name = /^(.+)-w[\d.]+-s\d+$/.exec(folder)?.[1];
      const result = name === undefined ? undefined : await readResult(join(out, folder));
      return name === undefined || result === undefined ? [] : [{ name, folder: join(out, folder), result }];
    }),
  );
  return runs.flat();
}

/** What is there of a run: nothing, one to be resumed, or a finished one. */
export type Found = { readonly kind: "none" | "begun" } | { readonly kind: "finished"; readonly result: RunResult };

/** @throws RunError where the folder's run has other settings */
export async function findRun(folder: string, settings: Settings): Promise<Found> {
  // A run that was killed before its first checkpoint has nothing to go on from.
  const steps = await stepsTaken(folder);
  if (steps === undefined) return { kind: "none" };
  const written = await readJsonFile(join(folder, CONFIG), z.unknown(), "remove the folder");
  if (written === undefined) return { kind: "none" };
  const config: Record<string, unknown> = resolveSettings(written, join(folder, CONFIG));
  const canonical = JSON.parse(JSON.stringify(settings)) as Record<string, unknown>;
  const other = [...new Set([...Object.keys(canonical), ...Object.keys(config)])].find(
    (key) => JSON.stringify(canonical[key]) !== JSON.stringify(config[key]),
  );
  if (other !== undefined && steps === 0) return { kind: "none" };
  if (other !== undefined) {
    throw new RunError(
      `${folder} holds a run with another ${other} (${JSON.stringify(config[other])}, now ${JSON.stringify(canonical[other])}): name another folder with --out, or remove it`,
    );
  }
  const result = await readResult(folder);
  return result === undefined ? { kind: "begun" } : { kind: "finished", result };
}
