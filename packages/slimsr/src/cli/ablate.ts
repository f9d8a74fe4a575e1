import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { writeAtomic } from "../files/atomic.js";
import { toJson } from "../files/json.js";
import { renderComparison } from "../report/comparison-table.js";
import {
  type AblationRun,
  type FinishedRun,
  type Found,
  findRun,
  finishedBeside,
  planAblation,
  type Variant,
} from "../runs/ablation.js";
import { compareRuns } from "../runs/comparison.js";
import { completeRun, compressionSettings } from "../runs/compress.js";
import { openInputs } from "../runs/inputs.js";
import type { Preset } from "../runs/presets.js";
import { type RunResult, readResult } from "../runs/result.js";
import { METHODS, type Method, type Settings } from "../runs/settings.js";
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
  width: number[];
  seed: number[];
}

/** Settings that differ from run to run, and that of a network without teacher. */
const LEFT: readonly SettingKey[] = ["width", "method", "seed", "network"];

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
long can be given fewer seeds, in a call of their own. ${SHARED_TEACHER}`;

/** \`slimsr ablate\`: methods, widths and seeds compared from one teacher at equal steps. */
export function ablateCommand(): Command {
  const command = new Command("ablate");
  required(command, new Option("--out <folder>", "folder of the runs and the comparison"));
  command
    .addOption(
      new Option("--method <list>", "methods to compare").argParser(methods).default([...METHODS], METHODS.join(",")),
    )
    .addOption(new Option("--variants <file>", "JSON file of what to compare instead").conflicts("method"))
    .addOption(
      new Option("--width <list>", "the students' widths").argParser(widths("0.5 or 0.5,0.25")).default([0.5], "0.5"),
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
  const plan = planAblation(out, variants, options.width, options.seed);
  const settingsWith = await compressionSettings(options.preset, await givenSettings(options.config, options, LEFT));
  const planned: PlannedRun[] = [];
  for (const run of plan) {
    const { variant, width, seed, folder } = run;
    const settings = settingsWith(
      { ...variant.settings, width: [width], seed },
      options.variants === undefined ? options.config : `${options.variants}: ${variant.name}`,
    );
    planned.push({ ...run, settings, found: await findRun(folder, settings) });
  }
  await interruptible(async (signal) => {
    await checkAll(planned, signal);
    const runs: FinishedRun[] = [];
    for (const [i, { variant, width, seed, folder, settings, found }] of planned.entries()) {
      const { name } = variant;
      process.stderr.write(
        `run ${i + 1} of ${plan.length}: ${name}, width ${width}, seed ${seed}: ${SAYING[found.kind]}\n`,
      );
      if (found.kind === "finished") {
        runs.push({ name, folder, result: found.result });
        continue;
      }
      const begin = found.kind === "begun" ? undefined : settings;
      await watched((hooks) => completeRun(folder, begin, hooks), signal);
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

/** Finds what can't work in any run before the first begins; seeds make no difference to that. */
async function checkAll(planned: readonly PlannedRun[], signal: AbortSignal): Promise<void> {
  const open = planned.filter(({ found }) => found.kind !== "finished");
  const distinct = new Map(open.map(({ settings }) => [JSON.stringify({ ...settings, seed: 0 }), settings]));
  for (const settings of distinct.values()) await openInputs(settings, undefined, { stage: withProgress, signal });
}

const methodVariants = (list: readonly Method[]): Variant[] =>
  list.map((method) => ({ name: method, settings: { method } }));

const SAYING = { none: "begins", begun: "is resumed", finished: "is done already" } as const;

function methods(text: string): Method[] {
  const list = [...new Set(text.split(","))];
  if (list.every((name): name is Method => METHODS.some((method) => method === name))) return list;
  throw new InvalidArgumentError(`Methods are ${METHODS.join(", ")}, with commas between.`);
}
