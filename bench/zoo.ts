/**
 * Networks of others through all that is done with networks: npm run zoo -- --networks FOLDER --test-sets FOLDER --train FOLDER --val FOLDER
 * Each NAME.onnx of the folder, with NAME.json (what is known of it) and NAME.safetensors (what PyTorch made of an image), is measured on
 * the sets that its description names, exported again and compared with PyTorch's output, slimmed without training at each width, sliced
 * plainly at 0.5, and compressed with the preset for processors; the student is opened at three sizes. Test sets are measured on alone:
 * nothing is chosen on them. Results lie in OUT/NAME.json as soon as they are there, runs in OUT/runs/NAME; the next call goes on from them.
 * Arguments: --only A,B, --width W,W (0.75,0.5), --train-widths W,W (0.5), --steps N (500), --out FOLDER (runs/zoo), --again (measures anew),
 * --json, --markdown [FILE, in which the table takes the place between the markers].
 */
import { mkdir } from "node:fs/promises";
import { cpus } from "node:os";
import { SlimsrError, UsageError } from "../packages/core/src/errors.js";
import { interruptible } from "../packages/slimsr/src/cli/interrupt.js";
import { toJson } from "../packages/slimsr/src/files/json.js";
import { isInterruption } from "../packages/slimsr/src/runs/interruption.js";
import { scriptArguments } from "../test/support/arguments.js";
import { type Entry, entriesOf } from "./zoo/entry.js";
import { missedGoals } from "./zoo/goals.js";
import { type Students, withStudents } from "./zoo/labels.js";
import { tryNetwork } from "./zoo/measure.js";
import { replacePart } from "./zoo/page.js";
import { type NetworkRecord, Records } from "./zoo/record.js";
import { renderNetworks } from "./zoo/table.js";

const { values } = scriptArguments(import.meta.url, {
  options: {
    ...{
      networks: { type: "string" },
      "test-sets": { type: "string" },
      train: { type: "string" },
      val: { type: "string" },
    },
    only: { type: "string" },
    width: { type: "string", default: "0.75,0.5" },
    "train-widths": { type: "string", default: "0.5" },
    steps: { type: "string", default: "500" },
    out: { type: "string", default: "runs/zoo" },
    again: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    markdown: { type: "string" },
  },
});

function folder(option: "networks" | "test-sets" | "train" | "val"): string {
  const path = values[option];
  if (path === undefined) throw new UsageError(`say where they are: --${option} FOLDER`);
  return path;
}

function numbers(option: "width" | "train-widths" | "steps", most: number): number[] {
  const read = values[option].split(",").filter(Boolean).map(Number);
  if (read.every((value) => value > 0 && value <= most)) return read;
  throw new UsageError(`--${option} ${values[option]}: numbers above 0, of ${most} at most, with commas between them`);
}

const machine = `${cpus()[0]?.model.trim()}, ${cpus().length} cores`;

async function main(signal: AbortSignal): Promise<void> {
  const { out, again } = values;
  const folders = { testSets: folder("test-sets"), train: folder("train"), val: folder("val") };
  const [steps = 500] = numbers("steps", 1e6);
  const students: Students = { widths: numbers("width", 1), trainWidths: numbers("train-widths", 1), steps };
  const entries = await entriesOf(folder("networks"), values.only?.split(","));
  await mkdir(out, { recursive: true });
  const records: NetworkRecord[] = [];
  for (const entry of entries) {
    const kept = await Records.open(out, entry, machine, again);
    await tryNetwork(entry, kept, { ...students, folders, out, again, signal, say: sayOf(entry) });
    const record = withStudents(kept.record, students);
    records.push(record);
    const missed = missedGoals(record);
    sayOf(entry)(missed.length > 0 ? `missed: ${missed.join("; ")}` : "all goals are met");
  }
  await report(records, students);
}

const sayOf =
  ({ name }: Entry) =>
  (text: string): void => {
    process.stderr.write(`${name}: ${text}\n`);
  };

async function report(records: readonly NetworkRecord[], students: Students): Promise<void> {
  const dates = records.map(({ date }) => date).sort();
  const when = [...new Set([dates[0], dates.at(-1)])].join(" to ");
  const heading = `${machine}, ${when}; students trained for ${students.steps} steps`;
  if (values.markdown !== undefined) {
    await replacePart(values.markdown, `${heading}.\n\n${renderNetworks(records, students, "markdown")}`);
  }
  if (values.json) process.stdout.write(`${toJson({ machine, ...students, networks: records }, 2)}\n`);
  else process.stdout.write(`${heading}\n\n${renderNetworks(records, students, "text")}`);
}

try {
  await interruptible(main);
} catch (error) {
  if (!(error instanceof SlimsrError) && !isInterruption(error)) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = isInterruption(error) ? 130 : 2;
}
