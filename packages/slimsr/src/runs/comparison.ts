import { basename, join } from "node:path";
import { RunError } from "@slimsr/core/internal/errors.js";
import { savedLabel } from "../evaluation/evaluate.js";
import type { AblationFile, AblationReport, AblationRow, AblationScore, Spread } from "../report/comparison-page.js";
import type { FinishedRun } from "./ablation.js";
import { readContents } from "./contents.js";
import { environment } from "./environment.js";
import { readJournal } from "./journal.js";
import { objectiveOf, usedSettings } from "./objective.js";
import type { RunResult } from "./result.js";
import type { Settings } from "./settings.js";
import { TEACHER_BEFORE, teacherDrifts } from "./trained-networks.js";

/**
 * The comparison in the form of CSD's table 1: variants as rows, sets as columns, mean ± standard deviation over seeds.
 * @throws RunError where the runs are not of one teacher
 */
export async function compareRuns(runs: readonly FinishedRun[]): Promise<AblationReport> {
  const [first] = runs;
  if (!first) throw new RunError("there is no run to compare");
  await requireOneTeacher(runs);
  const rowKey = ({ name, result }: FinishedRun) => `${name} ${widthOf(result)}`;
  const keys = [...new Set(runs.map(rowKey))];
  const common = prevailing(runs.map(({ result }) => result.settings));
  const rows = await Promise.all(
    keys.map((key) =>
      rowOf(
        runs.filter((run) => rowKey(run) === key),
        common,
      ),
    ),
  );
  const reference = (model: string) => ({
    label: model,
    scores: scoresOf([first.result], model),
    ...fileOf([first.result], model),
  });
  const steps = [...new Set(rows.map((row) => row.steps))];
  const equally = steps.length === 1 ? ` at equal steps (${steps[0]})` : "";
  return {
    title: steps.length === 1 ? `Methods compared at ${steps[0]} steps` : "Methods compared",
    created: new Date().toISOString(),
    summary: [
      `${keys.length} methods from one teacher${equally}, each on the same patches for a seed. Below a method's name stands what its students learn from, and what else sets it apart from the settings below.`,
    ],
    references: [baselineOf(first.result), TEACHER_BEFORE].map(reference),
    rows,
    settings: common,
    environment: { ...environment() },
    notes: [
      `${metricNote(first.result)}; ± is the standard deviation over seeds.`,
      "Equal steps are not equal time: the seconds a step took on this machine are in the table.",
    ],
  };
}

/** By what it was, wherever its file lay; by its path where a run doesn't know what it was. */
async function requireOneTeacher(runs: readonly FinishedRun[]): Promise<void> {
  const teachers = new Map<string, string>();
  for (const { folder, result } of runs) {
    const { teacher = "" } = result.settings;
    const known = await readContents({ file: (...parts) => join(folder, ...parts) });
    teachers.set(known?.teacher ?? teacher, `${teacher} of ${basename(folder)}`);
  }
  if (teachers.size > 1) {
    throw new RunError(`the folder holds runs of several teachers: ${[...teachers.values()].join(", ")}`);
  }
}

/** The student's width: the mean share of its channels where a budget chose them. */
const widthOf = ({ students: [student] }: RunResult): number => student?.width ?? 1;

type Rows = RunResult["rows"];

/** What figures are of. */
function metricNote({ rows }: RunResult): string {
  if (rows.every(({ scale }) => scale > 1)) return "PSNR and SSIM are of the Y channel, borders shaved by the scale";
  const metrics = [...new Set(rows.flatMap(({ metric }) => metric ?? []))];
  return `Figures are ${metrics.join(" or ")}, and SSIM of the Y channel`;
}

/** What is compared with besides the teacher: bicubic interpolation, or the input of networks that restore images. */
const baselineOf = ({ rows }: RunResult): string => rows.find(({ width }) => width === null)?.model ?? "bicubic";

/** Settings that a comparison's table has columns of its own for. */
const COLUMNS = ["method", "width", "seed", "steps"];

/** The value that most of the runs that use a setting have, the table's columns left out. */
function prevailing(all: readonly Settings[]): Record<string, unknown> {
  const used = all.map(usedSettings);
  const keys = [...new Set(used.flatMap(Object.keys))].filter((key) => !COLUMNS.includes(key));
  return Object.fromEntries(
    keys.flatMap((key) => {
      const counts = new Map<string, number>();
      for (const settings of used) {
        if (!(key in settings)) continue;
        const text = JSON.stringify(settings[key]);
        counts.set(text, (counts.get(text) ?? 0) + 1);
      }
      const [[most]] = [...counts].sort(([, a], [, b]) => b - a) as [[string, number]];
      return most === "null" ? [] : [[key, JSON.parse(most)]];
    }),
  );
}

/** The settings in which a run isn't as most are. */
const differing = (settings: Settings, common: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(usedSettings(settings)).filter(
      ([key, value]) => !COLUMNS.includes(key) && JSON.stringify(value) !== JSON.stringify(common[key] ?? null),
    ),
  );

async function rowOf(runs: readonly FinishedRun[], common: Readonly<Record<string, unknown>>): Promise<AblationRow> {
  const results = runs.map(({ result }) => result);
  const [{ name, result }] = runs as [FinishedRun];
  const { method, steps } = result.settings;
  const deployed = deployedIn(result);
  const seconds = results.map(({ progress, settings }) => progress.seconds / settings.steps);
  const drifts = results.flatMap(({ rows }) => teacherDrifts(rows).map(({ before, after }) => after - before));
  const validations = await Promise.all(runs.map(({ folder }) => validationsOf(folder)));
  const starts = validations.flatMap(([first]) => (first?.[0] === 0 ? [first[1]] : []));
  const bests = results.flatMap(({ progress: { best } }) => (best ? [best.psnr] : []));
  return {
    ...{ name, method, width: widthOf(result), steps, seeds: runs.length },
    runs: runs.map(({ folder, result: { settings } }) => ({ seed: settings.seed, folder: basename(folder) })),
    objective: objectiveOf(result.settings),
    differing: differing(result.settings, common),
    scores: scoresOf(results, STUDENT, deployed),
    ...fileOf(results, deployed, deployed === STUDENT ? undefined : result.students[0]?.bits?.weights),
    validation: { start: spreadOf(starts), best: spreadOf(bests), curve: meanCurve(validations) },
    secondsPerStep: meanOf(seconds),
    teacherDrift: drifts.length > 0 ? meanOf(drifts) : null,
  };
}

type Points = readonly (readonly [step: number, psnr: number])[];

/** The student's PSNR at each of a run's validations. */
async function validationsOf(folder: string): Promise<Points> {
  const lines = await readJournal({ file: (...parts) => join(folder, ...parts) });
  return lines.flatMap((line) => {
    const student = line.kind === "validation" ? line.networks.find(({ label }) => label === "student") : undefined;
    return student ? [[line.step, student.psnr] as const] : [];
  });
}

/** The mean over seeds at each step that all have. */
const meanCurve = (curves: readonly Points[]): Points =>
  (curves[0] ?? []).flatMap(([step]) => {
    const values = curves.flatMap((curve) => curve.find(([at]) => at === step)?.[1] ?? []);
    return values.length === curves.length ? [[step, meanOf(values)] as const] : [];
  });

const STUDENT = "student";

/** What the student is called in the form that it is deployed in: integers, where it was trained with their roundings and they could be written. */
function deployedIn({ students: [student], rows }: RunResult): string {
  const integers = `${STUDENT}-int${student?.bits?.weights}`;
  return rows.some(({ model }) => model === integers) ? integers : STUDENT;
}

/** @param deployed whose times they have */
function scoresOf(results: readonly RunResult[], model: string, deployed = model): AblationScore[] {
  const sets = results[0]?.rows.filter((row) => row.model === model).map(({ set, scale }) => ({ set, scale })) ?? [];
  return sets.map(({ set, scale }) => {
    const rowsOf = (name: string): Rows =>
      results.flatMap(({ rows }) => rows.filter((row) => row.model === name && row.set === set));
    const rows = rowsOf(model);
    const times = rowsOf(deployed).flatMap(({ msPerImage }) => msPerImage ?? []);
    return {
      ...{ set, scale, psnr: spreadOf(rows.map(({ psnr }) => psnr)), ssim: spreadOf(rows.map(({ ssim }) => ssim)) },
      ...(times.length > 0 && { milliseconds: meanOf(times) }),
    };
  });
}

/** The mean size of a network's files. */
function fileOf(results: readonly RunResult[], model: string, bits?: number): { readonly file?: AblationFile } {
  const sizes = results.flatMap(({ rows, bytes }) => {
    const row = rows.find((each) => each.model === model);
    return (row && bytes[savedLabel({ name: model, width: row.width ?? 1 })]) ?? [];
  });
  if (sizes.length === 0) return {};
  return { file: { bytes: Math.round(meanOf(sizes)), ...(bits !== undefined && { bits }) } };
}

function spreadOf(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const mean = meanOf(values);
  if (values.length < 2 || !Number.isFinite(mean)) return { mean, spread: null };
  return { mean, spread: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)) };
}

const meanOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
