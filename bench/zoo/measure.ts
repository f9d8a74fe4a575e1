import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RunError, UsageError } from "../../packages/core/src/errors.js";
import { channelAnalysis, type Model } from "../../packages/core/src/model/model.js";
import { settleModel } from "../../packages/slimsr/src/calibration/settle-range.js";
import { type Contender, contender } from "../../packages/slimsr/src/evaluation/contender.js";
import { type EvaluationRow, evaluate } from "../../packages/slimsr/src/evaluation/evaluate.js";
import { loadContenders, withRanges } from "../../packages/slimsr/src/evaluation/load.js";
import { loadModel } from "../../packages/slimsr/src/files/models.js";
import { type CompressionHooks, compress } from "../../packages/slimsr/src/runs/compress.js";
import { readResult } from "../../packages/slimsr/src/runs/result.js";
import type { PartialSettings } from "../../packages/slimsr/src/runs/settings.js";
import { stepsTaken } from "../../packages/slimsr/src/runs/state.js";
import { type SlimOptions, slim } from "../../packages/slimsr/src/slimming/slim.js";
import { goldenDifferences, openedAt } from "./agreement.js";
import type { Entry } from "./entry.js";
import { SLICED_LABEL, SLICED_WIDTH, slimmedLabel, trainedLabel } from "./labels.js";
import { type Measured, type NetworkRecord, type Records, type Result, Skipped } from "./record.js";
import { degradationOf, type Folders, openSet, type TestSet, testSets } from "./sets.js";

export interface Work {
  readonly folders: Folders;
  /** Of students that are made without training. */
  readonly widths: readonly number[];
  /** Of students that are trained. */
  readonly trainWidths: readonly number[];
  readonly steps: number;
  /** Folder that keeps the runs. */
  readonly runs: string;
  /** Whether runs that are there begin anew. */
  readonly again: boolean;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** Takes a network through all that is done with it; each result goes to its records, and so does what goes wrong. */
export async function tryNetwork(entry: Entry, records: Records, work: Work): Promise<void> {
  const { folders, widths, trainWidths, steps, signal, say } = work;
  const { record } = records;
  let settled: Promise<{ model: Model; notes: string[] }> | undefined;
  const model = () => {
    settled ??= settledModel(entry, signal);
    return settled;
  };
  const set = async (): Promise<TestSet> => {
    const [first] = testSets(entry, folders);
    if (!first) throw new Skipped("no set of images before and after is at hand");
    return first;
  };
  const measured = async (each: Contender) => {
    const [row] = await rowsOf([each], await set(), entry, work, false);
    return row as Measured;
  };

  await records.once("described", async () => description(await model()));
  await records.once("golden", async () => goldenDifferences((await model()).model, entry));
  await records.once("evaluated", async () => {
    say("evaluating");
    return evaluated(entry, work);
  });
  const belowBicubic = isBelowBaseline(record);
  const student = async (options: Pick<SlimOptions, "alignment" | "refit"> & { width: number }) => {
    const { width, ...others } = options;
    await set();
    say(`slimming to width ${width}${others.refit === false ? ", its first channels" : ""}`);
    const { students } = await slim((await model()).model, {
      ...{ widths: [width], calibration: folders.train, degrade: degradationOf(entry), belowBicubic, ...others },
      signal,
    });
    const [{ model: made, seconds }] = students as [(typeof students)[number]];
    return { ...(await measured(contender(entry.name, width, made))), seconds };
  };
  for (const width of widths) {
    await records.student("slimmed", slimmedLabel(width), () => student({ width }));
  }
  await records.student("slimmed", SLICED_LABEL, () =>
    student({ width: SLICED_WIDTH, alignment: "plain", refit: false }),
  );
  for (const width of trainWidths) {
    await records.student("trained", trainedLabel(width, steps), async () => {
      const first = await set();
      say(`training width ${width}`);
      const { file, ...training } = await trained(entry, width, belowBicubic, first, work);
      const made = await loadModel(file);
      return {
        ...(await measured(contender(entry.name, width, made))),
        ...training,
        sizes: await openedAt(made),
      };
    });
  }
}

/** The network with its range settled as every command does; where running it doesn't tell, as its description says. */
async function settledModel(entry: Entry, signal: AbortSignal): Promise<{ model: Model; notes: string[] }> {
  const found = await loadModel(entry.onnx);
  try {
    const { model, note } = await settleModel(found, { signal });
    return { model, notes: note === undefined ? [] : [note] };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const { model } = await settleModel(await loadModel(entry.onnx, { range: entry.about.range }), { signal });
    return { model, notes: ["its range must be given"] };
  }
}

function description({ model, notes }: { model: Model; notes: string[] }): Result<"described"> {
  const { scale, channels, range } = model.descriptor;
  return {
    ...{ scale, channels: channels.input, range, notes },
    parameters: [...model.parameters.values()].reduce((sum, { data }) => sum + data.length, 0),
    pins: channelAnalysis(model).pins.map(({ reason, channels: count }) => ({ reason, channels: count })),
  };
}

/** The file as it is, on each of its sets. */
async function evaluated(entry: Entry, work: Work): Promise<Result<"evaluated">> {
  const sets = testSets(entry, work.folders);
  if (sets.length === 0) throw new Skipped("no set of images before and after is at hand");
  const loaded = await loadContenders(entry.onnx, { signal: work.signal });
  const { contenders } = await withRanges(loaded, { signal: work.signal });
  const results: Result<"evaluated">[number][] = [];
  for (const set of sets) {
    const [baseline, row] = (await rowsOf(contenders, set, entry, work, true)) as [Measured, Measured];
    results.push({ ...row, baseline: baseline.psnr, expected: set.expected });
  }
  return results;
}

async function rowsOf(
  contenders: readonly Contender[],
  set: TestSet,
  entry: Entry,
  { signal }: Work,
  bicubic: boolean,
): Promise<Measured[]> {
  const rows = await evaluate(contenders, [await openSet(set, entry)], { bicubic, signal });
  return rows.map(({ set: name, psnr, parameters, macs, msPerImage }: EvaluationRow) => ({
    ...{ set: name, psnr, parameters, macs, ms: msPerImage },
  }));
}

/** A network that is worth less than bicubic interpolation, as one trained for looks, is slimmed only where that is said. */
function isBelowBaseline({ evaluated: known }: NetworkRecord): boolean {
  const [first] = known && "result" in known ? known.result : [];
  return first !== undefined && first.psnr < first.baseline;
}

/** A student of the preset for processors, from its run, which is taken up where it was left. */
async function trained(
  entry: Entry,
  width: number,
  belowBicubic: boolean,
  set: TestSet,
  { folders: { train, val }, steps, runs, again, signal, say }: Work,
): Promise<{ file: string; seconds: number; difference: number }> {
  const out = join(runs, entry.name, `width-${width}-steps-${steps}`);
  if (again) await rm(out, { recursive: true, force: true });
  const settings: PartialSettings = {
    ...{ teacher: entry.onnx, train, val, width: [width], steps, degrade: degradationOf(entry), belowBicubic },
    // Images that have no room for a patch at ×4.
    skipBad: true,
    // What students are worth is measured here; the run's own table is kept short.
    ...(!set.range && { data: [set.path] }),
  };
  const hooks: CompressionHooks = {
    signal,
    onStep: ({ step }) => step % 100 === 0 && say(`width ${width}, step ${step} of ${steps}`),
  };
  if (!(await readResult(out))) {
    const isBegun = ((await stepsTaken(out)) ?? 0) > 0;
    await compress(isBegun ? { resume: out } : { out, preset: "cpu", settings }, hooks);
  }
  const result = await readResult(out);
  const student = result?.students[0];
  if (!result || !student) throw new RunError(`${out} has no result`);
  const { seconds } = result.progress;
  return { file: join(out, `student-w${width}.onnx`), seconds, difference: student.difference / 255 };
}
