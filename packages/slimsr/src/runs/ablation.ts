import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { RunError } from "@slimsr/core/internal/errors.js";
import type { AblationReport, AblationRow, AblationScore, Spread } from "../report/comparison-page.js";
import { environment } from "./environment.js";
import { RESULT, type RunResult } from "./finish.js";
import { CONFIG } from "./open.js";
import { type PartialSettings, resolveSettings, type Settings } from "./settings.js";
import { stepsTaken } from "./state.js";
import { TEACHER_BEFORE, teacherDrifts } from "./trained-networks.js";

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

/** A run whose students are measured, by its variant's name. */
export interface FinishedRun {
  readonly name: string;
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
      const result = name === undefined ? undefined : await readJson(join(out, folder, RESULT));
      return name === undefined || result === undefined ? [] : [{ name, result: result as unknown as RunResult }];
    }),
  );
  return runs.flat();
}

/** What is there of a run: nothing, one to be resumed, or a finished one. */
export type Found = { readonly kind: "none" | "begun" } | { readonly kind: "finished"; readonly result: RunResult };

/** @throws RunError where the folder's run has other settings */
export async function findRun(folder: string, settings: Settings): Promise<Found> {
  const written = await readJson(join(folder, CONFIG));
  if (written === undefined) return { kind: "none" };
  const config: Record<string, unknown> = resolveSettings(written, join(folder, CONFIG));
  const canonical = JSON.parse(JSON.stringify(settings)) as Record<string, unknown>;
  const other = [...new Set([...Object.keys(canonical), ...Object.keys(config)])].find(
    (key) => JSON.stringify(canonical[key]) !== JSON.stringify(config[key]),
  );
  // A run that took no step begins anew with other settings; one that was killed before its first checkpoint has nothing to go on from.
  const steps = await stepsTaken(folder);
  if (steps === undefined || (other !== undefined && steps === 0)) return { kind: "none" };
  if (other !== undefined) {
    throw new RunError(
      `${folder} holds a run with another ${other} (${JSON.stringify(config[other])}, now ${JSON.stringify(canonical[other])}): name another folder with --out, or remove it`,
    );
  }
  const result = await readJson(join(folder, RESULT));
  return result === undefined ? { kind: "begun" } : { kind: "finished", result: result as unknown as RunResult };
}

async function readJson(file: string): Promise<Record<string, unknown> | undefined> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/**
 * The comparison in the form of CSD's table 1: variants as rows, sets as columns, mean ± standard deviation over seeds.
 * @throws RunError where the runs are not of one teacher
 */
export function compareRuns(runs: readonly FinishedRun[]): AblationReport {
  const [first] = runs;
  if (!first) throw new RunError("there is no run to compare");
  const teachers = [...new Set(runs.map(({ result }) => result.settings.teacher))];
  if (teachers.length > 1) throw new RunError(`the folder holds runs of several teachers: ${teachers.join(", ")}`);
  const rowKey = ({ name, result }: FinishedRun) => `${name} ${result.settings.width}`;
  const keys = [...new Set(runs.map(rowKey))];
  const common = prevailing(runs.map(({ result }) => result.settings));
  const rows = keys.map((key) =>
    rowOf(
      runs.filter((run) => rowKey(run) === key),
      common,
    ),
  );
  const reference = (model: string) => ({
    label: model,
    scores: scoresOf([first.result], (row) => row.model === model),
  });
  const steps = [...new Set(rows.map((row) => row.steps))];
  const equally = steps.length === 1 ? ` at equal steps (${steps[0]})` : "";
  return {
    title: steps.length === 1 ? `Methods compared at ${steps[0]} steps` : "Methods compared",
    created: new Date().toISOString(),
    summary: [
      `${keys.length} methods from one teacher${equally}, each on the same patches for a seed. Beside a method's name stands what sets it apart from the settings below.`,
    ],
    references: ["bicubic", TEACHER_BEFORE].map(reference),
    rows,
    settings: common,
    environment: { ...environment() },
    notes: [
      "PSNR and SSIM are of the Y channel, borders shaved by the scale; ± is the standard deviation over seeds.",
      "Equal steps are not equal time: the seconds a step took on this machine are in the table.",
    ],
  };
}

type Rows = RunResult["rows"];

/** Settings that a comparison's table has columns of its own for. */
const COLUMNS = ["method", "width", "seed", "steps"];

/** The value that most runs have of each setting, the table's columns left out. */
function prevailing(all: readonly Settings[]): Record<string, unknown> {
  const keys = [...new Set(all.flatMap((settings) => Object.keys(settings)))].filter((key) => !COLUMNS.includes(key));
  return Object.fromEntries(
    keys.flatMap((key) => {
      const counts = new Map<string | undefined, number>();
      for (const settings of all) {
        const text = JSON.stringify(settings[key as keyof Settings]);
        counts.set(text, (counts.get(text) ?? 0) + 1);
      }
      const [[most]] = [...counts].sort(([, a], [, b]) => b - a) as [[string | undefined, number]];
      return most === undefined ? [] : [[key, JSON.parse(most)]];
    }),
  );
}

/** The settings in which a run isn't as most are. */
const differing = (settings: Settings, common: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(settings).filter(
      ([key, value]) => !COLUMNS.includes(key) && JSON.stringify(value) !== JSON.stringify(common[key]),
    ),
  );

function rowOf(runs: readonly FinishedRun[], common: Readonly<Record<string, unknown>>): AblationRow {
  const results = runs.map(({ result }) => result);
  const [{ name, result }] = runs as [FinishedRun];
  const { method, width, steps } = result.settings;
  const seconds = results.map(({ progress, settings }) => progress.seconds / settings.steps);
  const drifts = results.flatMap(({ rows }) => teacherDrifts(rows).map(({ before, after }) => after - before));
  return {
    ...{ name, method, width: width[0] as number, steps, seeds: runs.length },
    differing: differing(result.settings, common),
    scores: scoresOf(results, (row) => row.model === "student"),
    secondsPerStep: meanOf(seconds),
    teacherDrift: drifts.length > 0 ? meanOf(drifts) : null,
  };
}

function scoresOf(results: readonly RunResult[], wanted: (row: Rows[number]) => boolean): AblationScore[] {
  const sets = results[0]?.rows.filter(wanted).map(({ set, scale }) => ({ set, scale })) ?? [];
  return sets.map(({ set, scale }) => {
    const rows = results.flatMap((result) => result.rows.filter((row) => wanted(row) && row.set === set));
    return { set, scale, psnr: spreadOf(rows.map(({ psnr }) => psnr)), ssim: spreadOf(rows.map(({ ssim }) => ssim)) };
  });
}

function spreadOf(values: readonly number[]): Spread {
  const mean = meanOf(values);
  if (values.length < 2) return { mean, spread: null };
  return { mean, spread: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)) };
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
