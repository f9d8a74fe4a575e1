import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { coreCount } from "../../src/node/threads.js";

describe("threads of the engine", () => {
  it.runIf(process.platform === "linux")("are as many as the cores that lscpu counts and this process may use", () => {
    const cores = execFileSync("lscpu", ["--parse=Core,Socket"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => /^\d/.test(line));
    expect(coreCount()).toBe(Math.min(new Set(cores).size, availableParallelism()));
  });
});
