/**
 * Mutates files of every kind and reads them: npm run fuzz -- [--format NAME] [--seed NUMBER] [--count NUMBER] [--from NUMBER]. A
 * failure is an error that isn't ours, an end of the process, more than 10 seconds or more than 1 GiB; it is printed with what
 * repeats it.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { scriptArguments } from "../support/arguments.js";
import type { Order, Report } from "./child.js";
import { FORMATS } from "./formats.js";

/** Memory is counted from a process' start, so that one process reads not too many. */
const CHUNK = 2000;
/** Seconds without a word after which a process hangs, even on a machine that has other work. */
const PATIENCE = 120;

const { values } = scriptArguments(import.meta.url, {
  options: {
    format: { type: "string", multiple: true, default: Object.keys(FORMATS) },
    seed: { type: "string", default: "0" },
    count: { type: "string", default: "20000" },
    from: { type: "string", default: "0" },
  },
});
const [seed, count, first] = [values.seed, values.count, values.from].map(Number) as [number, number, number];

type Counts = { read: number; refused: number; failed: number };

function fail(counts: Counts, { format }: Order, index: number, what: string): void {
  counts.failed++;
  console.log(`FAILURE: npm run fuzz -- --format ${format} --seed ${seed} --from ${index} --count 1\n${what}\n`);
}

/** Has a process read mutations; yields the index of the next one, which is behind one that ended or hung it. */
function work(order: Order, counts: Counts): Promise<number> {
  return new Promise((resolve) => {
    const file = fileURLToPath(new URL("child.ts", import.meta.url));
    const child: ChildProcess = fork(file, { stdio: ["ignore", "ignore", "pipe", "ipc"] });
    let [at, next, said, hung] = [order.from, order.from, "", false];
    const end = () => {
      hung = true;
      child.kill("SIGKILL");
    };
    let timer = setTimeout(end, PATIENCE * 1000);
    child.stderr?.on("data", (text) => {
      said = `${said}${text}`.slice(-2000);
    });
    child.on("message", (report: Report) => {
      clearTimeout(timer);
      timer = setTimeout(end, PATIENCE * 1000);
      if ("begun" in report) {
        at = report.begun;
        return;
      }
      next = report.index + 1;
      if (typeof report.outcome === "string") counts[report.outcome]++;
      else fail(counts, order, report.index, report.outcome.failure);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (next === order.to) return resolve(next);
      fail(counts, order, at, hung ? `took more than ${PATIENCE} s` : `the process ended: ${signal ?? code}\n${said}`);
      resolve(at + 1);
    });
    child.send(order);
  });
}

let failed = 0;
for (const format of values.format) {
  const counts: Counts = { read: 0, refused: 0, failed: 0 };
  const end = first + count;
  for (let from = first; from < end; )
    from = await work({ format, seed, from, to: Math.min(from + CHUNK, end) }, counts);
  console.log(`${format}: ${count} mutations, ${counts.read} read, ${counts.refused} refused, ${counts.failed} failed`);
  failed += counts.failed;
}
process.exitCode = failed > 0 ? 1 : 0;
