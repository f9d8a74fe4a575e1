import { resolve } from "node:path";
import { RunError, UsageError } from "@slimsr/core/internal/errors.js";
import { Command, InvalidArgumentError, Option } from "commander";
import { type Exchange, onFirst, ownOf } from "../exchange/exchange.js";
import { writeAtomic } from "../files/atomic.js";
import { toJson } from "../files/json.js";
import { renderComparison } from "../report/comparison-table.js";
import {
  type AblationRun,
  type AblationSize,
  type FinishedRun,
  type Found,
  findRun,
  finishedBeside,
  planAblation,
  sizesOf,
  type Variant,
} from "../runs/ablation.js";
import { compareRuns } from "../runs/comparison.js";
import { type CompressionHooks, completeRun, compressionSettings } from "../runs/compress.js";
import { RunHeldError } from "../runs/folder.js";
import { openInputs } from "../runs/inputs.js";
import { METHODS, type Method, ROUNDING_METHODS } from "../runs/methods.js";
import type { Preset } from "../runs/presets.js";
import { type RunResult, readResult } from "../runs/result.js";
import { ReuseCheck } from "../runs/reuse.js";
import { type Settings, STANDARD_WIDTHS } from "../runs/settings.js";
import { givenSettings, presetOption, SHARED_TEACHER, STARTING_POINTS, watched } from "./compress.js";
import { addFormatOptions, type FormatOptions, tableFormat } from "./formats.js";
import { withProgress } from "./progress.js";
import { required } from "./required.js";
import type { SettingKey } from "./setting-defaults.js";
import { addSettingsOptions, readVariants } from "./settings-options.js";
import { type Shard, shardIn, shardOption } from "./shard.js";
import { together } from "./together.js";
import { seeds, widths } from "./values.js";

interface Options extends FormatOptions {
  preset: Preset;
  config?: string;
  out: string;
  method: Method[];
  variants?: string;
  width?: number[];
  seed: number[];
  shard?: string;
  report?: true;
}

/** Methods that are compared where none are named: those that need no bits. */
const COMPARED = METHODS.filter((method) => !ROUNDING_METHODS.some((name) => name === method));

/** Settings that differ from run to run, and that of a network without teacher. */
const LEFT: readonly SettingKey[] = ["width", "method", "seed", "network", "pretrained", "ms", "at"];

const EXAMPLES = `
Examples:
  slimsr ablate --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --val assets/calibration \\
    --steps 1500 --data assets/held-out/Kodak --out ablation
  slimsr ablate --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --val assets/calibration \\
    --method kd --width 0.5,0.25 --seed 0,1 --out widths
  slimsr ablate --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --val assets/calibration \\
    --variants bench/ablation/contrastive.json --out variants

A file of variants has a name for each, and the settings in which it differs, by the names of config files:
  { "csd": { "method": "csd" }, "csd-k4": { "method": "csd", "negatives": 4 }, "kd-longer": { "method": "kd", "steps": 5000 } }

With --shard, processes on one folder, of one machine or several, do a part of the runs each, and then those of others that nobody is at work on;
--report compares what is finished, and needs --out alone (docs/cluster.md).

Each run is in a folder of its own below OUT, as slimsr compress makes it. Called again, finished runs are reused and
interrupted ones resumed. OUT gets comparison.json and comparison.html, of all runs that are finished in it: methods that take
long can be given fewer seeds, in a call of their own. With --budget or --macs all runs train students of one shape; --ms, which is
measured anew in each run, might give each its own, and is left to slimsr slim and slimsr compress. ${SHARED_TEACHER}`;

/** \`slimsr ablate\`: methods, widths and seeds compared from one teacher at equal steps. */
export function ablateCommand(): Command {
  const command = new Command("ablate");
  required(command, new Option("--out <folder>", "folder of the runs and the comparison"));
  command
    .addOption(
      new Option("--method <list>", "methods to compare").argParser(methods).default([...COMPARED], COMPARED.join(",")),
    )
    .addOption(new Option("--variants <file>", "JSON file of what to compare instead").conflicts("method"))
    .addOption(
      new Option("--width <list>", `the students' widths (default: ${STANDARD_WIDTHS.join()})`).argParser(
        widths("0.5 or 0.5,0.25"),
      ),
    )
    .addOption(new Option("--seed <list>", "seeds; ± is over them").argParser(seeds).default([0], "0"))
    .addOption(presetOption())
    .option("--config <file>", "JSON file of settings")
    .addOption(shardOption("runs"))
    .addOption(
      new Option("--report", "compare the runs that are finished in OUT, and begin none").conflicts([
        ...["teacher", "variants", "method", "width", "seed", "preset", "config", "shard"],
      ]),
    );
  return addSettingsOptions(addFormatOptions(command), LEFT, STARTING_POINTS)
    .addHelpText("after", EXAMPLES)
    .action(ablate);
}

const ablate = (options: Options): Promise<void> =>
  together((exchange, signal) => ablateTogether(options, exchange, signal));

async function ablateTogether(options: Options, exchange: Exchange, signal: AbortSignal): Promise<void> {
  const out = resolve(options.out);
  const shard = shardIn(options.shard);
  if (shard && exchange.size > 1) {
    throw new UsageError("--shard is for processes by themselves, and these ranks do each run together: leave one out");
  }
  if (options.report) return report(out, [], options, exchange);
  const planned = await onFirst(exchange, async () => checkAll(await plannedRuns(out, options), exchange, signal));
  const results = new Map<string, RunResult>();
  for (const [i, run] of inOrder(planned, shard).entries()) {
    const { variant, size, seed, folder } = run;
    const say = (what: string) => {
      if (exchange.rank > 0) return;
      process.stderr.write(
        `run ${i + 1} of ${planned.length}: ${variant.name}, ${describe(size)}, seed ${seed}: ${what}\n`,
      );
    };
    const result = shard ? await doneByOne(run, say, exchange, signal) : await done(run, say, exchange, signal);
    if (result) results.set(folder, result);
  }
  const finished: FinishedRun[] = [];
  for (const { variant, folder } of planned) {
    // Others that were held may be done by now.
    const result = results.get(folder) ?? (await readResult(folder));
    if (result) finished.push({ name: variant.name, folder, result });
  }
  const left = planned.length - finished.length;
  if (left > 0) {
    process.stderr.write(
      `note: other processes are at work on ${left} of ${planned.length} runs; when they are done, slimsr ablate --out ${options.out} --report compares all\n`,
    );
  }
  if (finished.length > 0) await report(out, finished, options, exchange);
}

async function plannedRuns(out: string, options: Options): Promise<PlannedRun[]> {
  const variants =
    options.variants === undefined ? methodVariants(options.method) : await readVariants(options.variants);
  const given = await givenSettings(options.config, options, LEFT);
  const plan = planAblation(out, variants, sizesOf(options.width ? { width: options.width } : given), options.seed);
  const settingsWith = await compressionSettings(options.preset, given);
  const planned: PlannedRun[] = [];
  for (const run of plan) {
    const { variant, size, seed, folder } = run;
    const settings = settingsWith(
      { ...variant.settings, ...size.settings, seed },
      options.variants === undefined ? options.config : `${options.variants}: ${variant.name}`,
    );
    planned.push({ ...run, settings, found: await findRun(folder, settings) });
  }
  return planned;
}

/** A shard's own runs before the others, which are done where nobody is at work on them. */
function inOrder(planned: readonly PlannedRun[], shard: Shard | undefined): PlannedRun[] {
  if (!shard) return [...planned];
  const own = new Set(ownOf(planned, shard));
  return [...own, ...planned.filter((run) => !own.has(run))];
}

/** Does a run, unless it's done; all ranks do it together. */
async function done(
  { found, folder, settings }: PlannedRun,
  say: (what: string) => void,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<RunResult> {
  say(SAYING[found.kind]);
  if (found.kind === "finished") return found.result;
  const work = (hooks: CompressionHooks) =>
    found.kind === "begun" ? completeRun(folder, undefined, hooks, found.moved) : completeRun(folder, settings, hooks);
  await watched(work, exchange, signal);
  return onFirst(exchange, async () => (await readResult(folder)) as RunResult);
}

/** Does a run that other processes may do; undefined where one is at work on it. */
async function doneByOne(
  run: PlannedRun,
  say: (what: string) => void,
  exchange: Exchange,
  signal: AbortSignal,
): Promise<RunResult | undefined> {
  for (;;) {
    // What was there when this process began may have changed.
    const found = run.isOnOtherImages ? run.found : await findRun(run.folder, run.settings);
    try {
      return await done({ ...run, found }, say, exchange, signal);
    } catch (error) {
      if (error instanceof RunHeldError) {
        say("another process is at work on it");
        return undefined;
      }
      // Another has begun it between the look and the lock.
      const isOther = (await findRun(run.folder, run.settings)).kind !== found.kind;
      if (!(error instanceof RunError && found.kind === "none" && isOther)) throw error;
    }
  }
}

/** Compares runs, and those that are finished beside them. */
async function report(out: string, runs: readonly FinishedRun[], options: Options, exchange: Exchange): Promise<void> {
  if (exchange.rank > 0) return;
  const beside = await finishedBeside(out, runs);
  const compared = await compareRuns([...runs, ...beside]);
  await writeAtomic(resolve(out, "comparison.json"), `${toJson(compared, 2)}\n`);
  const { renderAblation } = await import("../report/comparison-page.js");
  await writeAtomic(resolve(out, "comparison.html"), renderAblation(compared));
  process.stdout.write(options.json ? `${toJson(compared, 2)}\n` : renderComparison(compared, tableFormat(options)));
}

interface PlannedRun extends AblationRun {
  readonly settings: Settings;
  readonly found: Found;
  /** Whether it is finished, but was measured on other images. */
  readonly isOnOtherImages?: boolean;
}

/**
 * Finds what can't work in any run before the first begins; seeds make no difference to that.
 * @returns the runs, where finished ones that were measured on other images are to be measured anew
 * @throws RunError for a run that is there, but was made of another teacher or other images
 */
async function checkAll(
  planned: readonly PlannedRun[],
  exchange: Exchange,
  signal: AbortSignal,
): Promise<PlannedRun[]> {
  const hooks = { stage: withProgress, signal, exchange };
  const reuse = new ReuseCheck(hooks);
  const checked: PlannedRun[] = [];
  for (const run of planned) {
    const { found, folder, settings } = run;
    const sets = found.kind === "none" ? [] : await reuse.requireSame(folder, settings);
    const isOther = found.kind === "finished" && found.result.sets && found.result.sets.join() !== sets.join();
    checked.push(isOther ? { ...run, found: { kind: "begun", moved: found.moved }, isOnOtherImages: true } : run);
  }
  const open = checked.filter(({ found }) => found.kind !== "finished");
  const distinct = new Map(open.map(({ settings }) => [JSON.stringify({ ...settings, seed: 0 }), settings]));
  for (const settings of distinct.values()) await openInputs(settings, undefined, hooks);
  return checked;
}

const methodVariants = (list: readonly Method[]): Variant[] =>
  list.map((method) => ({ name: method, settings: { method } }));

const describe = ({ settings }: AblationSize): string =>
  Object.entries(settings)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(", ");

const SAYING = { none: "begins", begun: "is resumed", finished: "is done already" } as const;

function methods(text: string): Method[] {
  const list = [...new Set(text.split(","))];
  if (list.every((name): name is Method => METHODS.some((method) => method === name))) return list;
  throw new InvalidArgumentError(`Methods are ${METHODS.join(", ")}, with commas between.`);
}
