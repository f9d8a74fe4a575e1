import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RunError } from "../../packages/core/src/errors.js";
import { channelAnalysis, type Model } from "../../packages/core/src/model/model.js";
import { settleModel } from "../../packages/slimsr/src/calibration/settle-range.js";
import { type Contender, contender } from "../../packages/slimsr/src/evaluation/contender.js";
import { evaluate } from "../../packages/slimsr/src/evaluation/evaluate.js";
import { loadContenders, withRanges } from "../../packages/slimsr/src/evaluation/load.js";
import { loadModel } from "../../packages/slimsr/src/files/models.js";
import { type CompressionHooks, compress } from "../../packages/slimsr/src/runs/compress.js";
import { readResult } from "../../packages/slimsr/src/runs/result.js";
import type { PartialSettings } from "../../packages/slimsr/src/runs/settings.js";
import { stepsTaken } from "../../packages/slimsr/src/runs/state.js";
import { type SlimOptions, type SlimStudent, slim } from "../../packages/slimsr/src/slimming/slim.js";
import { goldenDifferences, openedAt } from "./agreement.js";
import type { Entry } from "./entry.js";
import { SLICED_LABEL, SLICED_WIDTH, type Students, slimmedLabel, trainedLabel } from "./labels.js";
import { ownOutputs } from "./own-outputs.js";
import type { Measured, NetworkRecord, Records, Result } from "./record.js";
import { degradationOf, type Folders, Images, openSet, type TestSet } from "./sets.js";

export interface Work extends Students {
  readonly folders: Folders;
  /** Folder that keeps runs and outputs. */
  readonly out: string;
  /** Whether what is there is made anew. */
  readonly again: boolean;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

/** Takes a network through all that is done with it; each result goes to its records, and so does what goes wrong. */
export async function tryNetwork(entry: Entry, records: Records, work: Work): Promise<void> {
  const { widths, trainWidths, steps, out, again, signal, say } = work;
  if (again) {
    for (const kept of ["runs", "outputs"]) await rm(join(out, kept, entry.name), { recursive: true, force: true });
  }
  const model = once(() => settledModel(entry, signal));
  const file = once(() => fileAsItIs(entry, signal));
  const images = new Images(entry, work.folders, async (folder, name) =>
    ownOutputs(await file(), folder, join(out, "outputs", entry.name, name), signal),
  );
  const measured = async (...networks: readonly Contender[]): Promise<readonly Measured[]> =>
    rowsOf(networks, await images.firstSet(), entry, work, false);

  await records.once("described", async () => description(await model(), entry));
  await records.once("golden", async () => goldenDifferences(await model(), entry));
  await records.once("evaluated", async () => {
    say("evaluating");
    return evaluated(await file(), await images.sets(), entry, work);
  });
  const belowBicubic = isBelowBaseline(records.record);
  const slimmed = async (width: number, options: Pick<SlimOptions, "alignment" | "refit"> = {}) => {
    const { path: calibration, input } = await images.train();
    const degrade = degradationOf(entry);
    const made = await slim(await model(), {
      widths: [width],
      calibration,
      input,
      degrade,
      belowBicubic,
      signal,
      ...options,
    });
    const [student] = made.students as [SlimStudent];
    const [row] = (await measured(contender(entry.name, width, student.model))) as [Measured];
    return { ...row, seconds: student.seconds };
  };
  for (const width of widths) {
    await records.student("slimmed", slimmedLabel(width), () => {
      say(`slimming to width ${width}`);
      return slimmed(width);
    });
  }
  await records.student("slimmed", SLICED_LABEL, () => {
    say(`slicing to width ${SLICED_WIDTH}`);
    return slimmed(SLICED_WIDTH, { alignment: "plain", refit: false });
  });
  for (const width of trainWidths) {
    await records.student("trained", trainedLabel(width, steps), async () => {
      say(`training width ${width}`);
      const { student, ...training } = await trained(entry, width, belowBicubic, images, work);
      const rows = await measured(await file(), contender(entry.name, width, student));
      const [whole, row] = rows as [Measured, Measured];
      return { ...row, whole: whole.ms, ...training, sizes: await openedAt(student) };
    });
  }
}

/** Does work when its result is first asked for. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

/** As every command settles it. */
async function settledModel({ onnx }: Entry, signal: AbortSignal): Promise<Model> {
  return (await settleModel(await loadModel(onnx), { signal })).model;
}

/** @throws RunError where the network isn't read as what it is known to be */
function description(model: Model, { about }: Entry): Result<"described"> {
  const { scale, channels, range } = model.descriptor;
  const show = (...[by, count, most]: readonly number[]) => `×${by}, ${count} channels, 0..${most}`;
  const [read, known] = [show(scale, channels.input, range), show(about.scale, about.channels, about.range)];
  if (read !== known) throw new RunError(`it is read as ${read}, and known to be ${known}`);
  return { pins: channelAnalysis(model).pins.map(({ reason, channels: count }) => ({ reason, channels: count })) };
}

async function fileAsItIs(entry: Entry, signal: AbortSignal): Promise<Contender> {
  const { contenders } = await withRanges(await loadContenders(entry.onnx, { signal }), { signal });
  return contenders[0] as Contender;
}

async function evaluated(
  file: Contender,
  sets: readonly TestSet[],
  entry: Entry,
  work: Work,
): Promise<Result<"evaluated">> {
  const results: Result<"evaluated">[number][] = [];
  for (const set of sets) {
    const [baseline, row] = (await rowsOf([file], set, entry, work, true)) as [Measured, Measured];
    const { expected } = set;
    results.push({ ...row, baseline: baseline.psnr, ...(expected !== undefined && { expected }) });
  }
  return results;
}

async function rowsOf(
  networks: readonly Contender[],
  set: TestSet,
  entry: Entry,
  { signal }: Work,
  bicubic: boolean,
): Promise<Measured[]> {
  const rows = await evaluate(networks, [await openSet(set, entry)], { bicubic, signal });
  return rows.map(({ set: name, psnr, parameters, macs, msPerImage }) => ({
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
  images: Images,
  { steps, out: folder, signal, say }: Work,
): Promise<{ student: Model; seconds: number; difference: number }> {
  const out = join(folder, "runs", entry.name, `width-${width}-steps-${steps}`);
  const [train, val, { path, range, input }] = [await images.train(), await images.val(), await images.firstSet()];
  const settings: PartialSettings = {
    ...{ teacher: entry.onnx, width: [width], steps, degrade: degradationOf(entry), belowBicubic },
    ...{ train: train.path, trainInput: train.input, val: val.path, valInput: val.input },
    // Images that have no room for a patch at ×4.
    skipBad: true,
    // What students are worth is measured here; the run's own table is kept short.
    ...(!range && input === undefined && { data: [path] }),
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
  const [made] = result?.students ?? [];
  if (!result || !made) throw new RunError(`${out} has no result`);
  const student = await loadModel(join(out, `student-w${width}.onnx`));
  return { student, seconds: result.progress.seconds, difference: made.difference / 255 };
}
