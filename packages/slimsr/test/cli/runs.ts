import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Finished, ROOT, runNode } from "../../../../test/support/child.js";
import { edsr, randomParameters } from "../../../../test/support/networks.js";
import { stateOf } from "../../../core/src/checkpoints/state.js";
import { saveCheckpoint } from "../../src/files/checkpoints.js";
import type { CompressionHooks } from "../../src/runs/compress.js";
import type { JournalLine } from "../../src/runs/journal.js";

/** A folder that is gone when the test has ended. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slimsr-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A small teacher's file. */
export async function smallTeacher(folder: string, blocks = 1): Promise<string> {
  const network = edsr(2, { features: 16, blocks });
  const file = join(folder, "teacher.safetensors");
  await saveCheckpoint(file, { network, parameters: stateOf(randomParameters(network)) });
  return file;
}

/** What a run recorded, line by line. */
export async function journalOf(run: string): Promise<JournalLine[]> {
  const text = await readFile(join(run, "metrics.jsonl"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as JournalLine);
}

/** The steps that were recorded. */
export const stepsOf = (lines: readonly JournalLine[]): number[] =>
  lines.filter(({ kind }) => kind === "step").map(({ step }) => step);

export const IMAGES = "test/fixtures/images";

/** What makes a run from a small teacher short; its weights are random, so that it is worth less than bicubic. */
export const SHORT = [
  "--below-bicubic",
  ...["--train", IMAGES, "--val", IMAGES, "--batch", "2", "--patch", "12", "--threads", "1"],
  ...["--validation-patch", "16", "--calibration-patches", "4"],
];

/** A command of the built program. */
export const slimsr = (...args: string[]): Promise<Finished> =>
  runNode(["packages/slimsr/bin/slimsr.js", ...args], { seconds: 240 });

/** Begins a command and kills it after a time; true where it had ended by itself before. */
export async function killAfter(milliseconds: number, ...args: string[]): Promise<boolean> {
  const child = spawn(process.execPath, ["packages/slimsr/bin/slimsr.js", ...args], { cwd: ROOT, stdio: "ignore" });
  const timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  clearTimeout(timer);
  if (signal === null && code !== 0) throw new Error(`slimsr ${args.join(" ")} failed with ${code}`);
  return signal === null;
}

/** A command that may write no file larger than some bytes. */
export function limited(bytes: number, args: readonly string[]): Promise<Finished> {
  const script = 'ulimit -f "$1"; shift; exec "$@"';
  const command = [
    "-c",
    script,
    "bash",
    String(bytes / 1024),
    process.execPath,
    "packages/slimsr/bin/slimsr.js",
    ...args,
  ];
  return new Promise((resolve) => {
    execFile("bash", command, { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 143) : 0, stdout, stderr });
    });
  });
}

/** Aborts behind a step. */
export function interruptedBehind(step: number): CompressionHooks {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    onStep: (report) => {
      if (report.step === step) controller.abort();
    },
  };
}
