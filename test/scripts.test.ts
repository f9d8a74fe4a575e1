import { describe, expect, it } from "vitest";
import { runNode } from "./support/child.js";

const script = (file: string, ...args: string[]) => runNode(["--import", "tsx", file, ...args], { seconds: 120 });

describe("a script", () => {
  it.each([
    ["bench/zoo.ts", [], /^Networks of others .*--networks FOLDER/],
    ["bench/main.ts", [], /^usage: npm run bench -- NAME .*\nnames: bicubic, /],
    ["bench/main.ts", ["kills"], /^Commands that are killed [\s\S]*--kills N/],
    ["test/fuzz/main.ts", [], /^Mutates files .*--count NUMBER/],
    ["scripts/plots.ts", [], /^Draws docs\/pictures[\s\S]*--run FOLDER/],
  ])("%s %j prints its usage for --help", { timeout: 240_000 }, async (file, name, usage) => {
    const { code, stdout, stderr } = await script(file, ...name, "--help");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(usage);
    expect(stdout).not.toMatch(/^\s*\*/m);
  });

  it.each([
    ["bench/zoo.ts", ["--nope"], "Unknown option '--nope'; --help says what there is\n"],
    ["bench/zoo.ts", [], "say where they are: --test-sets FOLDER\n"],
    ["scripts/plots.ts", ["--run", "runs"], "say what it is: --as NAME --label TEXT --command TEXT\n"],
    ["bench/main.ts", ["kills", "--kills"], "Option '--kills <value>' argument missing; --help says what there is\n"],
    ["bench/main.ts", ["--nope"], "there is no measurement --nope; --help names those that there are\n"],
  ])("%s %j tells what it can't do in a line", { timeout: 240_000 }, async (file, args, line) => {
    const { code, stdout, stderr } = await script(file, ...args);
    expect([code, stdout, stderr]).toEqual([2, "", line]);
  });
});
