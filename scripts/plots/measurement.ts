import { readdir, readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { UsageError } from "../../packages/core/src/errors.js";
import { writeAtomic } from "../../packages/slimsr/src/files/atomic.js";
import { fromJson, toJson } from "../../packages/slimsr/src/files/json.js";
import { readJournal } from "../../packages/slimsr/src/runs/journal.js";
import { psnrSchema, readJsonFile } from "../../packages/slimsr/src/runs/json-file.js";
import { readResult } from "../../packages/slimsr/src/runs/result.js";

export const MEASUREMENTS = fileURLToPath(new URL("../../docs/figures/", import.meta.url));

const figure = z.number().nullable();

/** A model on a set, of what `evaluate --json` and a run's result say: its share of channels, dB, milliseconds. */
const rowSchema = z.object({
  ...{ model: z.string(), width: figure, set: z.string(), scale: z.number() },
  ...{ psnr: psnrSchema, parameters: figure, msPerImage: figure },
});

const aboutSchema = z.object({
  /** What it is called in plots. */
  label: z.string(),
  /** What a reader types to make it again. */
  command: z.string(),
  date: z.string(),
});

const validationSchema = z.object({ step: z.number(), seconds: z.number(), psnr: psnrSchema });

const measurementSchema = aboutSchema.extend({
  machine: z.string(),
  rows: z.array(rowSchema),
  /** Of the run's student, over training: seconds of it so far, PSNR on the validation images. */
  validations: z.array(validationSchema),
});

export type Validation = z.infer<typeof validationSchema>;
export type Row = z.infer<typeof rowSchema>;
export type About = z.infer<typeof aboutSchema>;

/** What plots are drawn from: rows of an evaluation, or a run's and the course of its training. */
export type Measurement = z.infer<typeof measurementSchema>;

/** @param name such as runs/cpu @throws UsageError where there is none of that name @throws RunError where its file is damaged */
export async function readMeasurement(name: string): Promise<Measurement> {
  const file = join(MEASUREMENTS, `${name}.json`);
  const found = await readJsonFile(file, measurementSchema, "make it again by its command");
  if (found) return found;
  throw new UsageError(`there is no ${file}: --evaluation FILE --as ${name} puts it there`);
}

/** All of a folder, in the order of their names. */
export async function readMeasurements(folder: string): Promise<Measurement[]> {
  const names = (await readdir(join(MEASUREMENTS, folder))).filter((name) => name.endsWith(".json")).sort();
  return Promise.all(names.map((name) => readMeasurement(join(folder, name.slice(0, -".json".length)))));
}

export const writeMeasurement = (name: string, measurement: Measurement): Promise<void> =>
  writeAtomic(join(MEASUREMENTS, `${name}.json`), `${toJson(measurement, 2)}\n`);

/** What is kept of a finished run. @throws UsageError where the folder holds none */
export async function measurementOfRun(folder: string, about: About): Promise<Measurement> {
  const result = await readResult(folder);
  if (!result) throw new UsageError(`--run ${folder} holds no result.json: it isn't a finished run`);
  const environments = z
    .array(z.object({ processor: z.string(), cores: z.number() }))
    .parse(fromJson(await readFile(join(folder, "environment.json"), "utf8")));
  const lines = await readJournal({ file: (name) => join(folder, name) });
  return {
    ...about,
    machine: environments.map(({ processor, cores }) => machineOf(processor, cores)).join("; "),
    rows: result.rows.map((row) => rowSchema.parse(row)),
    validations: lines.flatMap((line) => {
      if (line.kind !== "validation") return [];
      const student = line.networks.find(({ label }) => label.startsWith("student"));
      return student ? [{ step: line.step, seconds: line.seconds, psnr: student.psnr }] : [];
    }),
  };
}

/** What is kept of what `evaluate --json` printed on this machine. @throws UsageError where the file holds something else */
export async function measurementOfEvaluation(file: string, about: About): Promise<Measurement> {
  const rows = z.array(rowSchema).safeParse(fromJson(await readFile(file, "utf8")));
  if (!rows.success) throw new UsageError(`--evaluation ${file} isn't what slimsr evaluate --json prints`);
  const machine = machineOf(cpus()[0]?.model.trim() ?? "unknown", cpus().length);
  return { ...about, machine, rows: rows.data, validations: [] };
}

const machineOf = (processor: string, cores: number): string => `${processor}, ${cores} cores`;
