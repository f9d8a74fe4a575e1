import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { RunError } from "@slimsr/core/internal/errors.js";
import * as z from "zod";
import { readJsonFile } from "./json-file.js";
import { CONFIG } from "./open.js";
import { resolveSettings } from "./resolve-settings.js";
import { type RunResult, readResult } from "./result.js";
import { DATA_PATHS, type DataPaths, PATHS, type PartialSettings, type Settings, STANDARD_WIDTHS } from "./settings.js";
import { stepsTaken } from "./state.js";

/** What is compared: a name, and the settings in which its runs differ from the others. */
export interface Variant {
  readonly name: string;
  readonly settings: PartialSettings;
}

/** How slim students are in some runs of a comparison: what folders call it, and the settings. */
export interface AblationSize {
  readonly label: string;
  readonly settings: PartialSettings;
}

/** A run of a comparison. */
export interface AblationRun {
  readonly variant: Variant;
  readonly size: AblationSize;
  readonly seed: number;
  readonly folder: string;
}

/** A run whose students are measured, by its variant's name and its folder's. */
export interface FinishedRun {
  readonly name: string;
  readonly folder: string;
  readonly result: RunResult;
}

/** The widths that are compared, or the one budget in their place. */
export function sizesOf({ width, budget, macs }: PartialSettings): AblationSize[] {
  if (budget !== undefined) return [{ label: `budget${budget}`, settings: { budget } }];
  if (macs !== undefined) return [{ label: `macs${macs}`, settings: { macs } }];
  return (width ?? STANDARD_WIDTHS).map((each) => ({ label: `w${each}`, settings: { width: [each] } }));
}

/** Every variant at every size with every seed, in folders below `out`. */
export const planAblation = (
  out: string,
  variants: readonly Variant[],
  sizes: readonly AblationSize[],
  seeds: readonly number[],
): AblationRun[] =>
  variants.flatMap((variant) =>
    sizes.flatMap((size) =>
      seeds.map((seed) => ({ variant, size, seed, folder: join(out, `${variant.name}-${size.label}-s${seed}`) })),
    ),
  );

/** The runs that are finished in `out` beside some. */
export async function finishedBeside(out: string, known: readonly FinishedRun[]): Promise<FinishedRun[]> {
  const planned = new Set(known.map(({ folder }) => basename(folder)));
  const found = (await readdir(out).catch(() => [])).sort().filter((folder) => !planned.has(folder));
  const runs = await Promise.all(
    found.map(async (folder): Promise<FinishedRun[]> => {
      const name = /^(.+)-(?:w[\d.]+|budget[\d.]+x?|macs[\d.]+%)-s\d+$/i.exec(folder)?.[1];
      const result = name === undefined ? undefined : await readResult(join(out, folder));
      return name === undefined || result === undefined ? [] : [{ name, folder: join(out, folder), result }];
    }),
  );
  return runs.flat();
}

/** What is there of a run: nothing, one to be resumed, or a finished one; and where its data lies now, if elsewhere than it knows. */
export type Found =
  | { readonly kind: "none" }
  | { readonly kind: "begun"; readonly moved: DataPaths }
  | { readonly kind: "finished"; readonly moved: DataPaths; readonly result: RunResult };

/** @throws RunError where the folder's run has other settings, paths apart: what lies there is looked at by `ReuseCheck` */
export async function findRun(folder: string, settings: Settings): Promise<Found> {
  // A run that was killed before its first step has little to go on from, and may begin anew with whatever is named now.
  if (!(await stepsTaken(folder))) return { kind: "none" };
  const written = await readJsonFile(join(folder, CONFIG), z.unknown(), "remove the folder");
  if (written === undefined) return { kind: "none" };
  const config: Record<string, unknown> = resolveSettings(written, join(folder, CONFIG));
  const canonical = JSON.parse(JSON.stringify(settings)) as Record<string, unknown>;
  const other = [...new Set([...Object.keys(canonical), ...Object.keys(config)])].find(
    (key) => !PATHS.some((path) => path === key) && JSON.stringify(canonical[key]) !== JSON.stringify(config[key]),
  );
  if (other !== undefined) {
    throw new RunError(
      `${folder} holds a run with another ${other} (${JSON.stringify(config[other])}, now ${JSON.stringify(canonical[other])}): name another folder with --out, or remove it`,
    );
  }
  const moved: DataPaths = Object.fromEntries(
    DATA_PATHS.filter((key) => key in canonical && JSON.stringify(canonical[key]) !== JSON.stringify(config[key])).map(
      (key) => [key, settings[key]],
    ),
  );
  const result = await readResult(folder);
  return result === undefined ? { kind: "begun", moved } : { kind: "finished", moved, result };
}
