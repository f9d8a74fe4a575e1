import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { ROOT } from "../../../../test/support/child.js";
import { DeviceError } from "../../../core/src/errors.js";
import { Graph } from "../../../core/src/graph/index.js";
import { add } from "../../../core/src/operators/index.js";
import { createSession, LARGE_CONSTANTS, requireTemporaryFolder } from "../../src/node/session.js";

/** y = x + c, with constants that pass through a file. */
function large(): Graph {
  const graph = new Graph("large");
  const length = LARGE_CONSTANTS / 4 + 1;
  graph.output("y", add(graph.input("x", [length]), graph.constant(new Float32Array(length), [length])));
  return graph;
}

describe("the folder for temporary files", () => {
  beforeEach(() => {
    const before = tmpdir();
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    vi.stubEnv("TMPDIR", join(before, "slimsr-nowhere"));
  });

  it("that isn't there is named, with what to do", async () => {
    for (const use of [() => createSession(large()), requireTemporaryFolder]) {
      const used = use();
      await expect(used).rejects.toThrow(DeviceError);
      await expect(used).rejects.toThrow(/slimsr-nowhere: ENOENT.*name another folder \(TMPDIR\)/);
    }
  });

  it("that is full is named, and nothing is left in it", async () => {
    vi.unstubAllEnvs();
    const folder = await mkdtemp(join(tmpdir(), "slimsr-full-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const dist = (path: string) => JSON.stringify(join(ROOT, "packages", path));
    // A limit on files' sizes, which ends a write short before it fails, stands for a full disk.
    const source = `
      process.on("SIGXFSZ", () => {});
      const { Graph } = await import(${dist("core/dist/graph/index.js")});
      const { add } = await import(${dist("core/dist/operators/index.js")});
      const { createSession } = await import(${dist("upscaler/dist/node/session.js")});
      const graph = new Graph("large");
      const length = 2 ** 23;
      graph.output("y", add(graph.input("x", [length]), graph.constant(new Float32Array(length), [length])));
      await createSession(graph).then(() => console.log("opened"), (error) => console.log(error.name, error.message));`;
    const limited = ["-c", 'ulimit -f 16384; exec "$0" --input-type=module -e "$1"', process.execPath, source];
    const stdout = await new Promise<string>((resolve) => {
      execFile("bash", limited, { env: { ...process.env, TMPDIR: folder } }, (_, out) => resolve(out));
    });
    expect(stdout).toMatch(
      /^DeviceError a model of 33554432 bytes can't be handed to the engine .*EFBIG.*make room there/,
    );
    expect(await readdir(folder)).toEqual([]);
  });
});
