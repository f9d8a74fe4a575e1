import { rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Finished, runNode } from "../../../../test/support/child.js";
import { type Comparison, TOLERANCES } from "../../src/parity/compare.js";
import { changed, GOLDEN, temporaryFolder, writeCase } from "./cases.js";

const CASES = ["carn_x3", "carn_x4", "edsr_x2", "edsr_x3", "edsr_x4", "edsr_x4_joint", "rcan_x2", "rcan_x4"];

const parity = (args: readonly string[], options?: Parameters<typeof runNode>[1]): Promise<Finished> =>
  runNode(["packages/slimsr/bin/slimsr.js", "parity", ...args], { seconds: 300, ...options });

interface Result extends Comparison {
  readonly case: string;
  readonly passed: boolean;
}

describe("parity with the reference", () => {
  it("holds for all committed cases, in outputs, losses, gradients, parameters and later losses", {
    timeout: 300_000,
  }, async () => {
    const { code, stdout, stderr } = await parity([GOLDEN, "--json"]);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const results = JSON.parse(stdout) as Result[];
    expect(results.map((result) => result.case)).toEqual(CASES);
    for (const { case: name, passed, ...comparison } of results) {
      expect(passed, JSON.stringify(comparison, null, 2)).toBe(true);
      expect(Object.keys(comparison)).toEqual(Object.keys(TOLERANCES));
      for (const quantity of Object.values(comparison)) expect(quantity.tensor).not.toBe("");
      // Without near-agreement of student and teacher there is nothing that rounding would have to excuse.
      if (name.startsWith("carn")) continue;
      for (const { rounding } of Object.values(comparison)) expect(rounding).toBe(0);
      expect(comparison.gradients.error).toBeLessThan(1e-4);
    }
  });
});

describe("cases whose values are changed", () => {
  let folder: string;

  beforeEach(() => {
    folder = temporaryFolder();
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("fail, naming what is off", { timeout: 300_000 }, async () => {
    const changes = [
      ["edsr_x4_joint", "step1.student", 1.001],
      ["edsr_x3", "step1.d_neg", 1.001],
      ["edsr_x3", "step1.contrastive", 1.01],
      ["edsr_x4_joint", "step1.grad.body.0.conv1.weight", 1.01],
      ["edsr_x4_joint", "step1.weight.head.weight", 1.001],
      ["edsr_x4_joint", "step3.loss", 1.01],
    ] as const;
    for (const [source, key, factor] of changes) {
      writeCase(
        folder,
        key,
        source,
        changed(key, (value) => value * factor),
      );
    }
    const { code, stdout, stderr } = await parity([folder]);
    const lines = stdout.trim().split("\n");
    expect(lines).toHaveLength(changes.length);
    for (const [, key] of changes) {
      const line = lines.find((each) => each.startsWith(`FAIL ${key} `));
      expect(line, key).toContain(`(${key}, past `);
    }
    expect(stderr).toContain("6 of 6 cases are past the tolerances");
    expect(code).toBe(1);
  });

  it("names what is missing or malformed", async () => {
    expect(await parity([join(folder, "nowhere")])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("nowhere can't be listed"),
    });
    await writeFile(join(folder, "edsr_x3.json"), "{");
    expect(await parity([folder])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("edsr_x3.json is not JSON"),
    });
    await writeFile(join(folder, "edsr_x3.json"), '{"model": "VDSR"}');
    const { code, stderr } = await parity([folder]);
    expect(stderr).toContain("model");
    expect(stderr).not.toContain("    at ");
    expect(code).toBe(1);
  });
});
