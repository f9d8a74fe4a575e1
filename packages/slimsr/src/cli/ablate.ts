import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
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
import { openInputs } from "../runs/inputs.js";
import { METHODS, type Method, ROUNDING_METHODS } from "../runs/methods.js";
import type { Preset } from "../runs/presets.js";
import { type RunResult, readResult } from "../runs/result.js";
import { ReuseCheck } from "../runs/reuse.js";
import { type Settings, STANDARD_WIDTHS } from "../runs/settings.js";
import { givenSettings, presetOption, SHARED_TEACHER, STARTING_POINTS, watched } from "./compress.js";
import { addFormatOptions, type FormatOptions, tableFormat } from "./formats.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";
import { required } from "./required.js";
import type { SettingKey } from "./setting-defaults.js";
import { addSettingsOptions, readVariants } from "./settings-options.js";
import { seeds, widths } from "./values.js";

interface Options extends FormatOptions {
  preset: Preset;
  config?: string;
  out: string;
  method: Method[];
  variants?: string;
  width?: number[];
  seed: number[];
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
    --method slice,kd --width 0.5,0.25 --seed 0,1 --out widths
  slimsr ablate --teacher assets/teachers/edsr_r8f64_x2.safetensors --train assets/calibration --val assets/calibration \\
    --variants bench/ablation/contrastive.json --out variants

A file of variants has a name for each, and the settings in which it differs, by the names of config files:
  { "csd": { "method": "csd" }, "csd-k4": { "method": "csd", "negatives": 4 }, "kd-longer": { "method": "kd", "steps": 5000 } }

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
    .option("--config <file>", "JSON file of settings");
  return addSettingsOptions(addFormatOptions(command), LEFT, STARTING_POINTS)
    .addHelpText("after", EXAMPLES)
    .action(ablate);
}

async function ablate(options: Options): Promise<void> {
  const out = resolve(options.out);
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
  await interruptible(async (signal) => {
    const checked = await checkAll(planned, signal);
    const runs: FinishedRun[] = [];
    for (const [i, { variant, size, seed, folder, settings, found }] of checked.entries()) {
      const { name } = variant;
      process.stderr.write(
        `run ${i + 1} of ${plan.length}: ${name}, ${describe(size)}, seed ${seed}: ${SAYING[found.kind]}\n`,
      );
      if (found.kind === "finished") {
        runs.push({ name, folder, result: found.result });
        continue;
      }
      const work = (hooks: CompressionHooks) =>
        found.kind === "begun"
          ? completeRun(folder, undefined, hooks, found.moved)
          : completeRun(folder, settings, hooks);
      await watched(work, signal);
      runs.push({ name, folder, result: (await readResult(folder)) as RunResult });
    }
    const report = await compareRuns([...runs, ...(await finishedBeside(out, plan))]);
    await writeAtomic(resolve(out, "comparison.json"), `${toJson(report, 2)}\n`);
    const { renderAblation } = await import("../report/comparison-page.js");
    await writeAtomic(resolve(out, "comparison.html"), renderAblation(report));
    process.stdout.write(options.json ? `${toJson(report, 2)}\n` : renderComparison(report, tableFormat(options)));
  });
}

interface PlannedRun extends AblationRun {
  readonly settings: Settings;
  readonly found: Found;
}

/**
 * Finds what can't work in any run before the first begins; seeds make no difference to that.
 * @returns the runs, where finished ones that were measured on other images are to be measured anew
 * @throws RunError for a run that is there, but was made of another teacher or other images
 */
async function checkAll(planned: readonly PlannedRun[], signal: AbortSignal): Promise<PlannedRun[]> {
  const hooks = { stage: withProgress, signal };
  const reuse = new ReuseCheck(hooks);
  const checked: PlannedRun[] = [];
  for (const run of planned) {
    const { found, folder, settings } = run;
    const sets = found.kind === "none" ? [] : await reuse.requireSame(folder, settings);
    const isOther = found.kind === "finished" && found.result.sets && found.result.sets.join() !== sets.join();
    checked.push(isOther ? { ...run, found: { kind: "begun", moved: found.moved } } : run);
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
