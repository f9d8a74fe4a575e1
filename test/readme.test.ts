import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { ROOT } from "./support/child.js";
import { cropPhotographs, freshClone, narrowTeacher } from "./support/clone.js";

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const BLOCKS = [...README.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block as string);

/** Blocks that say what they need are for readers who have it. */
const RUNNABLE = BLOCKS.filter((block) => !block.startsWith("# needs "));

describe("README", () => {
  it("has commands that run as they stand in a fresh clone", { timeout: 900_000 }, async () => {
    expect(RUNNABLE.length).toBeGreaterThanOrEqual(3);
    const cwd = await freshClone();
    await cropPhotographs(cwd);
    await narrowTeacher(cwd);
    const env = { ...process.env, XDG_CACHE_HOME: join(cwd, "cache") };
    for (const block of RUNNABLE) await promisify(execFile)("bash", ["-euc", block], { cwd, env });
    for (const file of ["student.safetensors", "student.onnx", "student.pt", "run/report.html"]) {
      expect(existsSync(join(cwd, file)), file).toBe(true);
    }
  });

  it("says of the others what they need, and where that is", () => {
    const needed = BLOCKS.flatMap((block) => /^# needs (.*)/.exec(block)?.[1]?.split(/, | and /) ?? []);
    for (const name of new Set(needed.filter((each) => /^[A-Z]/.test(each)))) {
      expect(README, name).toMatch(new RegExp(`^\\|.*\`${name}\`.*<https?://`, "m"));
    }
  });

  it("has no command outside those blocks, and names no file that isn't there", () => {
    expect(README).not.toMatch(/^ {4}np[mx] /m);
    for (const [path] of README.matchAll(/\b(?:assets|bench|docs|test)\/[\w./-]+\w/g)) {
      expect(existsSync(join(ROOT, path)), path).toBe(true);
    }
  });
});
