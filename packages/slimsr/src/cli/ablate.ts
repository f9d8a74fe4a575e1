import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { writeAtomic } from "../files/atomic.js";
import type { AblationReport, AblationRow } from "../report/comparison-page.js";
import { apartIn } from "../report/differing-settings.js";
import {
  type AblationRun,
  compareRuns,
  type FinishedRun,
  type Found,
  findRun,
  finishedBeside,
  planAblation,
  type Variant,
} from "../runs/ablation.js";
import { completeRun, compressionSettings } from "../runs/compress.js";
import { resultOf } from "../runs/finish.js";
import { openInputs } from "../runs/inputs.js";
import { PRESETS, type Preset } from "../runs/presets.js";
import { METHODS, type Method, type Settings } from "../runs/settings.js";
import { type Column, renderTable } from "../text/table.js";
import { givenSettings, watched } from "./compress.js";
import { interruptible } from "./interrupt.js";
import { withProgress } from "./progress.js";
import { required } from "./required.js";
import { addSettingsOptions, readVariants, type SettingKey } from "./settings-options.js";
import { seeds, widths } from "./values.js";

interface Options {
  preset: Preset;
  config?: string;
  out: string;
  methods: Method[];
  variants?: string;
  widths: number[];
  seeds: number[];
  json?: true;
}

/** Settings that differ from run to run, and that of a network without teacher. */
const LEFT: readonly SettingKey[] = ["width", "method", "seed", "network"];

const EXAMPLES = `
Examples:
  slimsr ablate --teacher edsr_x2.pt --train photos --val Kodak24 --data Set5 Set14 --steps 1500 --out ablation
  slimsr ablate --teacher edsr_x2.pt --train photos --val Kodak24 --methods slice,kd --widths 0.5,0.25 --seeds 0,1 --out ablation
  slimsr ablate --teacher edsr_x2.pt --train photos --val Kodak24 --variants variants.json --out ablation

A file of variants has a name for each, and the settings in which it differs, by the names of config files:
  { "csd": { "method": "csd" }, "csd-k4": { "method": "csd", "negatives": 4 }, "kd-longer": { "method": "kd", "steps": 5000 } }

Each run is in a folder of its own below OUT, as slimsr compress makes it. Called again, finished runs are reused and
interrupted ones resumed. OUT gets comparison.json and comparison.html, of all runs that are finished in it: methods that take
long can be given fewer seeds, in a call of their own.`;

/** \`slimsr ablate\`: methods, widths and seeds compared from one teacher at equal steps. */
export function ablateCommand(): Command {
  const command = new Command("ablate");
  required(command, new Option("--out <folder>", "folder of the runs and the comparison"));
  command
    .option("--methods <list>", `methods to compare (default: all: ${METHODS.join(",")})`, methods, [...METHODS])
    .addOption(new Option("--variants <file>", "JSON file of what to compare instead").conflicts("methods"))
    .option("--widths <list>", "the students' widths", widths("0.5 or 0.5,0.25"), [0.5])
    .option("--seeds <list>", "seeds; ± is over them", seeds, [0])
    .addOption(new Option("--preset <name>", "settings to start from").choices(PRESETS).default("cpu"))
    .option("--config <file>", "JSON file of settings")
    .option("--json", "print JSON");
  return addSettingsOptions(command, LEFT).addHelpText("after", EXAMPLES).action(ablate);
}

async function ablate(options: Options): Promise<void> {
  const out = resolve(options.out);
  const variants =
    options.variants === undefined ? methodVariants(options.methods) : await readVariants(options.variants);
  const plan = planAblation(out, variants, options.widths, options.seeds);
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
        runs.push({ name, result: found.result });
        continue;
      }
      const begin = found.kind === "begun" ? undefined : settings;
      const completed = await watched((hooks) => completeRun(folder, begin, hooks), signal);
      runs.push({ name, result: resultOf(completed.folder, completed.settings, completed.outcome) });
    }
    const report = compareRuns([...runs, ...(await finishedBeside(out, plan))]);
    await writeAtomic(resolve(out, "comparison.json"), `${JSON.stringify(report, undefined, 2)}\n`);
    const { renderAblation } = await import("../report/comparison-page.js");
    await writeAtomic(resolve(out, "comparison.html"), renderAblation(report));
    process.stdout.write(
      options.json ? `${JSON.stringify(report, undefined, 2)}\n` : renderTable(columnsOf(report), report.rows, "text"),
    );
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

function columnsOf({ rows }: AblationReport): Column<AblationRow>[] {
  const sets = rows[0]?.scores.map(({ set }) => set) ?? [];
  return [
    { title: "method", value: ({ name }) => name },
    { title: "width", value: ({ width }) => width },
    { title: "steps", value: ({ steps }) => steps },
    { title: "seeds", value: ({ seeds }) => seeds },
    ...sets.map(
      (name): Column<AblationRow> => ({
        title: `${name} PSNR`,
        value: ({ scores }) => {
          const psnr = scores.find(({ set }) => set === name)?.psnr;
          if (!psnr) return null;
          return psnr.spread === null ? psnr.mean.toFixed(3) : `${psnr.mean.toFixed(3)} ± ${psnr.spread.toFixed(3)}`;
        },
      }),
    ),
    { title: "s/step", value: ({ secondsPerStep }) => secondsPerStep, show: (seconds) => seconds.toFixed(3) },
    { title: "teacher drift", value: ({ teacherDrift }) => teacherDrift, show: (drift) => drift.toFixed(3) },
    ...(rows.some(apartIn) ? [{ title: "apart in", value: apartIn } satisfies Column<AblationRow>] : []),
  ];
}

function methods(text: string): Method[] {
  const list = [...new Set(text.split(","))];
  if (list.every((name): name is Method => METHODS.some((method) => method === name))) return list;
  throw new InvalidArgumentError(`Methods are ${METHODS.join(", ")}, with commas between.`);
}
