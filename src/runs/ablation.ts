import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { RunError } from "../errors.js";
import type { AblationReport, AblationRow, AblationScore, Spread } from "../report/ablation.js";
import { environment } from "./environment.js";
import { RESULT, type RunResult } from "./finish.js";
import { TEACHER_BEFORE, teacherDrifts } from "./models.js";
import { CONFIG } from "./open.js";
import { type Method, resolveSettings, type Settings } from "./settings.js";

/** A run of a comparison. */
export interface AblationRun {
  readonly method: Method;
  readonly width: number;
  readonly seed: number;
  readonly folder: string;
}

/** Every method at every width with every seed, in folders below `out`, and what is finished there already. */
export async function planAblation(
  out: string,
  methods: readonly Method[],
  widths: readonly number[],
  seeds: readonly number[],
): Promise<AblationRun[]> {
  const asked = methods.flatMap((method) =>
    widths.flatMap((width) =>
      seeds.map((seed) => ({ method, width, seed, folder: folderOf(out, method, width, seed) })),
    ),
  );
  const folders = new Set(asked.map(({ folder }) => folder));
  return [...asked, ...(await finishedIn(out)).filter(({ folder }) => !folders.has(folder))];
}

const folderOf = (out: string, method: Method, width: number, seed: number): string =>
  join(out, `${method}-w${width}-s${seed}`);

async function finishedIn(out: string): Promise<AblationRun[]> {
  const names = await readdir(out).catch(() => []);
  const runs = await Promise.all(
    names.sort().map(async (name): Promise<AblationRun[]> => {
      const folder = join(out, name);
      const result = (await readJson(join(folder, RESULT))) as unknown as RunResult | undefined;
      if (!result) return [];
      const { method, width, seed } = result.settings;
      return width.map((each) => ({ method, width: each, seed, folder: folderOf(out, method, each, seed) }));
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
  if (other !== undefined) {
    throw new RunError(
      `${folder} holds a run with another ${other} (${JSON.stringify(config[other])}, now ${JSON.stringify(canonical[other])}): name another folder with --out, or remove it`,
    );
  }
  // A run that was killed before its first checkpoint has nothing to go on from.
  const begun = await stat(join(folder, "checkpoints", "latest.safetensors")).catch(() => undefined);
  if (!begun) return { kind: "none" };
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

/** The comparison in the form of CSD's table 1: methods as rows, sets as columns, mean ± standard deviation over seeds. */
export function compareRuns(runs: readonly (AblationRun & { result: RunResult })[]): AblationReport {
  const [first] = runs;
  if (!first) throw new RunError("there is no run to compare");
  const keys = [...new Set(runs.map(({ method, width }) => `${method} ${width}`))];
  const rows = keys.map((key) => rowOf(runs.filter(({ method, width }) => `${method} ${width}` === key)));
  const reference = (model: string) => ({
    label: model,
    scores: scoresOf([first.result], (row) => row.model === model),
  });
  const { method: _, width: __, seed: ___, ...common } = first.result.settings;
  return {
    title: `Methods compared at ${common.steps} steps`,
    created: new Date().toISOString(),
    summary: [
      `${keys.length} methods from one teacher at equal steps (${common.steps}), each from the same start and on the same patches for a seed.`,
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

function rowOf(runs: readonly (AblationRun & { result: RunResult })[]): AblationRow {
  const results = runs.map(({ result }) => result);
  const [{ method, width, result }] = runs as [(typeof runs)[number]];
  const seconds = results.map(({ progress, settings }) => progress.seconds / settings.steps);
  const drifts = results.flatMap(({ rows }) => teacherDrifts(rows).map(({ before, after }) => after - before));
  return {
    ...{ method, width, steps: result.settings.steps, seeds: runs.length },
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
