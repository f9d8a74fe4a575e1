import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { runSource } from "../../../../test/support/child.js";

/** A session's life. It prints the files beyond the repository's and sockets that are open in the end. */
const SESSION = `(async () => {
  const { readdirSync, readlinkSync } = await import("node:fs");
  const { encodeOnnx, Graph } = await import("@slimsr/core/onnx");
  const { float32 } = await import("@slimsr/upscaler");
  const { createSession } = await import("@slimsr/upscaler/node");
  const graph = new Graph("identity");
  graph.output("y", graph.input("x", [1]));
  const session = await createSession(encodeOnnx(graph), { threads: 1 });
  const { outputs } = await session.run({ x: float32(new Float32Array([7]), [1]) });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const links = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return Number(fd) > 2 ? readlinkSync("/proc/self/fd/" + fd) : [];
    } catch {
      return [];
    }
  });
  console.log(outputs.y.data[0], links.filter((link) => /^socket|\\.(db|log|ses)/.test(link)).join());
  await session.close();
})();`;

const IN_A_THREAD = `
  import { Worker } from "node:worker_threads";
  import { spawnSync } from "node:child_process";
  const thread = new Worker(process.env.SOURCE, { eval: true, execArgv: [], env: {} });
  // The main thread has something else to do when it is asked.
  thread.once("online", () => spawnSync(process.execPath, ["--eval", "setTimeout(() => {}, 1500)"]));`;

describe("the engine", () => {
  it.each([
    ["a process", SESSION],
    ["a thread of its user's", IN_A_THREAD],
  ])("keeps no record of its use and opens no connection in %s", async (_, program) => {
    const home = await mkdtemp(join(tmpdir(), "slimsr-home-"));
    onTestFinished(() => rm(home, { recursive: true, force: true }));
    const everywhere = { HOME: home, XDG_CACHE_HOME: join(home, "cache"), TMPDIR: home };
    // The engine is silent by itself where these say that it is on trial.
    const env = { ...everywhere, GITHUB_ACTIONS: "", TF_BUILD: "", ORT_DISABLE_TELEMETRY: "0", SOURCE: SESSION };
    const { code, stdout, stderr } = await runSource(program, { env });
    expect(stderr).toBe("");
    expect([code, stdout]).toEqual([0, "7 \n"]);
    expect(await readdir(home, { recursive: true })).toEqual([]);
  });
});
