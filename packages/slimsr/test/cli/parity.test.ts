import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Finished, runNode } from "../../../../test/support/child.js";
import { changed, GOLDEN, temporaryFolder, writeCase } from "../parity/cases.js";

const parity = (...args: readonly string[]): Promise<Finished> =>
  runNode(["packages/slimsr/bin/slimsr.js", "parity", ...args]);

function folder(): string {
  const made = temporaryFolder();
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

describe("slimsr parity", () => {
  it("prints a line per case and exits with 0 where all pass", async () => {
    const { code, stdout, stderr } = await parity(GOLDEN, "--only", "edsr_x4_joint", "edsr_x4");
    expect(stderr).toBe("");
    expect(stdout.split("\n").map((line) => line.slice(0, 18).trim())).toEqual([
      "ok   edsr_x4",
      "ok   edsr_x4_joint",
      "",
    ]);
    expect(stdout).toMatch(/outputs \d\.\de-\d+ {2}losses \S+ {2}gradients \S+ {2}parameters \S+ {2}later \S+\n/);
    expect(code).toBe(0);
  });

  it("exits with 1 where one doesn't, naming the case and the tensor", async () => {
    const cases = folder();
    writeCase(cases, "good", "edsr_x4_joint");
    writeCase(
      cases,
      "odd",
      "edsr_x4_joint",
      changed("step1.grad.head.bias", (value) => value * 1.01),
    );
    const { code, stdout, stderr } = await parity(cases);
    expect(code).toBe(1);
    expect(stderr).toBe("slimsr: 1 of 2 cases are past the tolerances\n");
    expect(stdout).toMatch(/^ok {3}good /m);
    expect(stdout).toMatch(/^FAIL odd .*gradients 9\.9e-3 \(step1\.grad\.head\.bias, past 0\.002\)/m);
  });

  it("prints JSON that says the same", async () => {
    const cases = folder();
    writeCase(
      cases,
      "odd",
      "edsr_x4_joint",
      changed("step1.loss", (value) => value + 1),
    );
    const { code, stdout } = await parity(cases, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([
      { case: "odd", passed: false, losses: { tensor: "step1.loss", passed: false }, gradients: { passed: true } },
    ]);
  });

  it("refuses what isn't a folder of cases, without a stack trace", async () => {
    const cases = folder();
    const broken = (name: string, json: string) => writeFileSync(join(cases, `${name}.json`), json);
    writeCase(cases, "whole", "edsr_x4_joint");
    broken("alone", JSON.stringify(JSON.parse('{"model":"EDSR"}')));
    broken("text", "not JSON at all");
    writeCase(cases, "cut", "edsr_x4_joint");
    writeFileSync(join(cases, "cut.safetensors"), Uint8Array.of(1, 2, 3));
    writeCase(cases, "lone", "edsr_x4_joint");
    rmSync(join(cases, "lone.safetensors"));
    writeCase(cases, "wide", "edsr_x4_joint", { settings: (settings) => Object.assign(settings, { width: 1.5 }) });
    writeCase(cases, "thin", "edsr_x4_joint", { settings: (settings) => Object.assign(settings, { width: 0.01 }) });
    writeCase(cases, "far", "edsr_x4", { settings: (settings) => Object.assign(settings, { negatives: [0, 99] }) });
    const empty = folder();
    const expected: [string[], number, RegExp][] = [
      [[join(cases, "nowhere")], 2, /nowhere can't be listed \(ENOENT\); name a folder of cases/],
      [[empty], 2, /holds no case: no \.json file/],
      [
        [cases, "--only", "whole", "missing"],
        2,
        /no case missing in .*; it has alone, cut, far, lone, text, thin, whole, wide/,
      ],
      [[cases, "--only", "text"], 1, /text\.json is not JSON: /],
      [[cases, "--only", "alone"], 1, /alone\.json: [\s\S]*kw/],
      [[cases, "--only", "cut"], 1, /cut\.safetensors.*3 bytes/],
      [
        [cases, "--only", "lone"],
        1,
        /lone\.safetensors can't be read \(ENOENT\); a case is a \.json and a \.safetensors/,
      ],
      [[cases, "--only", "wide"], 1, /wide\.json: [\s\S]*width/],
      [[cases, "--only", "thin"], 1, /width 0\.01 leaves layer head/],
      [[cases, "--only", "far"], 1, /indices element out of data bounds|out of/],
      [[cases, "--device", "abacus"], 2, /cpu, webgpu, cuda/],
      [[], 2, /missing required argument 'dir'/],
    ];
    for (const [args, code, message] of expected) {
      const finished = await parity(...args);
      expect(finished.stderr, args.join(" ")).toMatch(message);
      expect(finished.stderr).not.toMatch(/\n {4}at /);
      expect([finished.code, finished.stdout]).toEqual([code, ""]);
    }
  });
});
