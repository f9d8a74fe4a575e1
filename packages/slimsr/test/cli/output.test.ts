import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type Finished, ROOT } from "../../../../test/support/child.js";
import { journalOf, SHORT, smallTeacher, stepsOf, temporaryFolder } from "./runs.js";

/** A line of the shell, in which $slimsr is the program and $1, $2, … are words. */
function shell(line: string, ...words: string[]): Promise<Finished> {
  const script = `slimsr="$0 packages/slimsr/bin/slimsr.js"; set -o pipefail; ${line}`;
  return new Promise((resolve) => {
    execFile("bash", ["-c", script, process.execPath, ...words], { cwd: ROOT }, (error, stdout, stderr) => {
      resolve({ code: Number(error?.code ?? 0), stdout, stderr });
    });
  });
}

const STEPS = ["--method", "slice", "--steps", "20", "--warmup", "0"];

describe("output that goes nowhere", { timeout: 120_000 }, () => {
  it("ends no training: a reader of progress and results that has gone", async () => {
    const folder = await temporaryFolder();
    const out = join(folder, "run");
    const args = ["compress", "--teacher", await smallTeacher(folder), ...SHORT, ...STEPS, "--out", out];
    const { code } = await shell('$slimsr "$@" 2>&1 | true', ...args);
    expect(code).toBe(0);
    expect(stepsOf(await journalOf(out))).toHaveLength(20);
    expect(existsSync(join(out, "result.json"))).toBe(true);
  });

  it.runIf(existsSync("/dev/full"))("ends no training: a log on a full disk", async () => {
    const folder = await temporaryFolder();
    const out = join(folder, "run");
    const args = ["compress", "--teacher", await smallTeacher(folder), ...SHORT, ...STEPS, "--out", out];
    const { code, stdout } = await shell('$slimsr "$@" 2> /dev/full', ...args);
    expect(code).toBe(0);
    expect(stdout).toContain("best validation");
    expect(existsSync(join(out, "result.json"))).toBe(true);
  });

  it("is no error where the reader has read enough", async () => {
    const teacher = await smallTeacher(await temporaryFolder());
    expect(await shell('$slimsr inspect "$1" | true', teacher)).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  it.runIf(existsSync("/dev/full"))("is told where results are lost", async () => {
    const teacher = await smallTeacher(await temporaryFolder());
    const { code, stderr } = await shell('$slimsr inspect "$1" > /dev/full', teacher);
    expect(code).toBe(1);
    expect(stderr).toBe("slimsr: standard output can't be written: ENOSPC: no space left on device, write\n");
  });
});
