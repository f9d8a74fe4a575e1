/**
 * Draws docs/pictures/*.svg of the measurements in docs/figures: npm run plots
 * A measurement is put there first by one of:
 *   npm run plots -- --run FOLDER --as runs/NAME --label TEXT --command TEXT      a finished run of compress, ablate or train
 *   npm run plots -- --evaluation FILE --as evaluations/NAME --label TEXT --command TEXT   what slimsr evaluate --json printed on this machine
 * Runs are drawn by their students' parameters and over minutes, under their labels; evaluations/ has networks by parameters, published/ students of
 * published methods, times/ programs by milliseconds. The command is what a reader types to make it again. --date YYYY-MM-DD is the day where it isn't that of the file.
 */
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SlimsrError, UsageError } from "../packages/core/src/errors.js";
import { writeAtomic } from "../packages/slimsr/src/files/atomic.js";
import { RESULT } from "../packages/slimsr/src/runs/result.js";
import { scriptArguments } from "../test/support/arguments.js";
import { drawPlot } from "./plots/draw.js";
import { figures } from "./plots/figures.js";
import { type About, measurementOfEvaluation, measurementOfRun, writeMeasurement } from "./plots/measurement.js";

const PICTURES = fileURLToPath(new URL("../docs/pictures/", import.meta.url));

const { values } = scriptArguments(import.meta.url, {
  options: {
    ...{ run: { type: "string" }, evaluation: { type: "string" }, as: { type: "string" } },
    ...{ label: { type: "string" }, command: { type: "string" }, date: { type: "string" } },
  },
});

/** Of a measurement that is put there; the day is its file's. */
async function about(file: string): Promise<About & { name: string }> {
  const { as: name, label, command, date } = values;
  if (name === undefined || label === undefined || command === undefined)
    throw new UsageError("say what it is: --as NAME --label TEXT --command TEXT");
  const { mtime } = await stat(file).catch((error: Error) => {
    throw new UsageError(
      `${file} can't be read: ${error.message}; a finished run's folder and an evaluation's file hold it`,
    );
  });
  return { name, label, command, date: date ?? mtime.toISOString().slice(0, 10) };
}

async function put(): Promise<void> {
  const { run, evaluation } = values;
  if (run !== undefined) {
    const { name, ...rest } = await about(join(run, RESULT));
    await writeMeasurement(name, await measurementOfRun(run, rest));
  }
  if (evaluation !== undefined) {
    const { name, ...rest } = await about(evaluation);
    await writeMeasurement(name, await measurementOfEvaluation(evaluation, rest));
  }
}

try {
  await put();
  await mkdir(PICTURES, { recursive: true });
  for (const { name, plot } of await figures()) await writeAtomic(join(PICTURES, `${name}.svg`), drawPlot(plot));
} catch (error) {
  if (!(error instanceof SlimsrError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
