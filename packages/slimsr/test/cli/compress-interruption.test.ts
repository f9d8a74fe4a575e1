import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ROOT } from "../../../../test/support/child.js";
import { journalOf, killAfter, limited, SHORT, slimsr, smallTeacher, stepsOf, temporaryFolder } from "./runs.js";

const MINUTES = 60_000;

/** Of the run that is killed: few, so that as many moments hit its start, its steps and its end. */
const STEPS = 40;

describe("slimsr compress", () => {
  const contrastive = ["--negatives", "2", "--memory-bank", "--contrasted", "1"];
  it.each([
    { method: "kd", more: [], least: 14 },
    { method: "csd", more: contrastive, least: 6 },
  ])(
    "goes on after SIGKILL at any moment to the same bytes, of $method",
    { timeout: 10 * MINUTES },
    async ({ method, more, least }) => {
      const folder = await temporaryFolder();
      const teacher = await smallTeacher(folder);
      const settings = [
        ...["compress", "--teacher", teacher, ...SHORT, "--method", method, ...more, "--teacher-weights", "frozen"],
        ...["--steps", String(STEPS), "--average", "0.9", "--validate-every", "10", "--checkpoint-every", "3"],
      ];
      const whole = join(folder, "whole");
      const begun = performance.now();
      const { code, stderr } = await slimsr(...settings, "--out", whole);
      const duration = performance.now() - begun;
      expect(code, stderr).toBe(0);
      const files = ["student-w0.5.safetensors", "student-w0.5.onnx"];
      const expected = await Promise.all(files.map((name) => readFile(join(whole, name))));
      let kills = 0;
      while (kills < least) {
        const run = join(await mkdtemp(join(folder, "killed-")), "run");
        for (let done = false; !done; ) {
          const resumable = await stat(join(run, "checkpoints", "latest.safetensors")).catch(() => undefined);
          const args = resumable ? ["compress", "--resume", run] : [...settings, "--out", run];
          // Early moments hit the start, where nothing is saved yet; the latest are beyond the end.
          done = await killAfter(kills < least ? duration * (0.05 + 0.75 * Math.random()) : 2 * MINUTES, ...args);
          if (!done) kills++;
        }
        for (const [i, name] of files.entries()) {
          const bytes = await readFile(join(run, name));
          expect(bytes.equals(expected[i] as Buffer), `${name} after ${kills} kills`).toBe(true);
        }
        const lines = await journalOf(run);
        const steps = stepsOf(lines);
        expect(steps).toEqual(Array.from({ length: STEPS }, (_, i) => i + 1));
      }
      expect(kills).toBeGreaterThanOrEqual(least);
    },
  );

  it("saves on Ctrl-C, says how to go on, and refuses a second run in the folder", {
    timeout: 4 * MINUTES,
  }, async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const out = join(folder, "run");
    const args = ["compress", "--teacher", teacher, ...SHORT, "--method", "slice", "--steps", "100000", "--out", out];
    const child = spawn(process.execPath, ["packages/slimsr/bin/slimsr.js", ...args], { cwd: ROOT });
    let stderr = "";
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    while (!stderr.includes("step ") && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 100));
    const second = await slimsr("compress", "--resume", out);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`process ${child.pid} on`);
    child.kill("SIGINT");
    const [code] = await once(child, "exit");
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /interrupted after step \d+ of 100000; all is saved\. Go on with: slimsr compress --resume /,
    );
    const again = await slimsr(...args);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain(`holds a run already: go on with --resume ${out}`);
    const changed = await slimsr("compress", "--resume", out, "--learning-rate", "1");
    expect(changed.code).toBe(2);
    expect(changed.stderr).toContain("leave out --learning-rate");
  });

  it("stops at a loss that is no number with the last checkpoint sound", { timeout: 2 * MINUTES }, async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder, 16);
    const out = join(folder, "run");
    const wild = [
      "--learning-rate",
      "10",
      "--schedule",
      "constant",
      "--warmup",
      "0",
      "--checkpoint-every",
      "1",
      "--steps",
      "2000",
    ];
    const { code, stderr } = await slimsr(
      "compress",
      "--teacher",
      teacher,
      ...SHORT,
      "--method",
      "slice",
      ...wild,
      "--out",
      out,
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/step \d+: \S+ is (NaN|Infinity).*lower --learning-rate/);
    expect(stderr).not.toMatch(/^\s+at /m);
    const latest = await readFile(join(out, "checkpoints", "latest.safetensors"));
    const values = new Float32Array(latest.buffer.slice(latest.byteOffset + 8 + Number(latest.readBigUInt64LE(0))));
    expect(values.length).toBeGreaterThan(100);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it("stops where the disk is full with the last checkpoint sound, and goes on when there is room", {
    timeout: 4 * MINUTES,
  }, async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const out = join(folder, "run");
    const settings = ["--method", "slice", "--steps", "1200", "--checkpoint-every", "50", "--validate-every", "1000"];
    const args = ["compress", "--teacher", teacher, ...SHORT, ...settings, "--out", out];
    // A limit on files' sizes, which metrics.jsonl comes to, stands for a full disk.
    const { code, stderr } = await limited(160 * 1024, args);
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/metrics\.jsonl can't be written: .*; make room and resume the run/);
    expect(stderr).not.toMatch(/^\s+at /m);
    const resumed = await slimsr("compress", "--resume", out, "--json");
    expect(resumed.code, resumed.stderr).toBe(0);
    const lines = await journalOf(out);
    expect(stepsOf(lines)).toEqual(Array.from({ length: 1200 }, (_, i) => i + 1));
  });

  it("names an image that has gone while training", { timeout: 4 * MINUTES }, async () => {
    const folder = await temporaryFolder();
    const teacher = await smallTeacher(folder);
    const cache = join(folder, "cache");
    const args = [
      "compress",
      "--teacher",
      teacher,
      ...SHORT,
      "--method",
      "slice",
      "--steps",
      "100000",
      "--out",
      join(folder, "run"),
    ];
    const child = spawn(process.execPath, ["packages/slimsr/bin/slimsr.js", ...args], {
      cwd: ROOT,
      env: { ...process.env, XDG_CACHE_HOME: cache },
    });
    let stderr = "";
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    while (!stderr.includes("step ") && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 100));
    await rm(cache, { recursive: true });
    const [code] = await once(child, "exit");
    expect(code, stderr).toBe(1);
    expect(stderr).toMatch(/slimsr: .*cache/);
    expect(stderr).not.toMatch(/^\s+at /m);
    const resumed = spawn(
      process.execPath,
      ["packages/slimsr/bin/slimsr.js", "compress", "--resume", join(folder, "run")],
      {
        cwd: ROOT,
        stdio: ["ignore", "ignore", "pipe"],
      },
    );
    let again = "";
    resumed.stderr.on("data", (data) => {
      again += data;
    });
    while (!again.includes("step ") && resumed.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 100));
    resumed.kill("SIGINT");
    expect((await once(resumed, "exit"))[0]).toBe(130);
  });
});
