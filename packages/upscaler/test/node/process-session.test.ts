import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { runSource } from "../../../../test/support/child.js";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { crashing, endless, greedy } from "../../../../test/support/hostile-models.js";
import { DeviceError, InterruptedError, OnnxError } from "../../../core/src/errors.js";
import { Graph } from "../../../core/src/graph/index.js";
import { reorderInput } from "../../../core/src/lowering/blocked/operators.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { add } from "../../../core/src/operators/index.js";
import type { Session } from "../../src/engine/session.js";
import { createProcessSession, type ProcessOptions } from "../../src/node/process-session.js";

/** y = x + 1 */
function successor(): Graph {
  const graph = new Graph("successor");
  graph.output("y", add(graph.input("x", [2, 3]), 1));
  return graph;
}

const x = () => tensor([2, 3], [1, -2, 3, -4, 5, -6]);

async function open(onnx: Uint8Array, options: ProcessOptions = {}): Promise<Session> {
  const session = await createProcessSession(onnx, { threads: 1 }, options);
  onTestFinished(() => session.close());
  return session;
}

const pixels = () => tensor([1, 3, 2, 2], () => 1);

describe("a session in a process of its own", () => {
  it("computes what a thread's does, and gives back what is moved", async () => {
    const session = await open(writeOnnx(successor()));
    const expected = floats(await evaluate(successor(), { x: x() }), "y");
    const moved = x();
    for (let i = 0; i < 3; i++) {
      const { outputs, feeds, milliseconds } = await session.run({ x: moved }, { move: ["x"] });
      expect(floats(outputs, "y")).toEqual(expected);
      expect(outputs.y?.shape).toEqual([2, 3]);
      expect(feeds).toEqual({ x: moved });
      expect(milliseconds).toBeGreaterThan(0);
    }
  });

  it("refuses what an engine must not be handed, and what the engine refuses", async () => {
    const graph = new Graph("blocked");
    graph.output("y", reorderInput(graph.input("x", [1, 16, 2, 2])));
    await expect(createProcessSession(writeOnnx(graph))).rejects.toThrow(OnnxError);
    const session = await open(writeOnnx(successor()));
    await expect(session.run({})).rejects.toThrow(/input 'x' is missing/);
    expect(floats((await session.run({ x: x() })).outputs, "y")[0]).toBe(2);
  });

  it.runIf(process.arch === "x64")("tells of a crash, and fails from then on", async () => {
    const session = await open(crashing());
    for (let i = 0; i < 2; i++) {
      const run = session.run({ x: pixels() });
      await expect(run).rejects.toThrow(DeviceError);
      await expect(run).rejects.toThrow("the engine crashed (SIGFPE)");
    }
  });

  it("ends at once when it is interrupted, whatever the engine does", async () => {
    const controller = new AbortController();
    const session = await open(endless(), { signal: controller.signal });
    const run = session.run({ x: pixels() });
    run.catch(() => undefined);
    await setTimeout(300);
    const start = performance.now();
    controller.abort();
    await expect(run).rejects.toThrow(InterruptedError);
    expect(performance.now() - start).toBeLessThan(1000);
    await expect(session.run({ x: pixels() })).rejects.toThrow(InterruptedError);
    await expect(createProcessSession(endless(), {}, { signal: controller.signal })).rejects.toThrow(InterruptedError);
  });

  it("ends when the model takes more memory than it may", async () => {
    const session = await open(greedy(), { memory: 2 ** 29 });
    await expect(session.run({ x: pixels() })).rejects.toThrow("more than 0.5 GiB of memory");
  });
});

const PROGRAM = `
  import { createProcessSession } from "./packages/upscaler/dist/node/process-session.js";
  import { float32 } from "./packages/upscaler/dist/engine/session.js";
  const open = (bytes) => createProcessSession(Buffer.from(bytes, "base64"), { threads: 1 });
`;
const literal = (onnx: Uint8Array): string => JSON.stringify(Buffer.from(onnx).toString("base64"));

describe("a process with such a session", () => {
  it("ends with it open and idle", async () => {
    const source = `${PROGRAM}
      const session = await open(${literal(writeOnnx(successor()))});
      console.log((await session.run({ x: float32(new Float32Array(6), [2, 3]) })).outputs.y.data[0]);`;
    expect(await runSource(source)).toEqual({ code: 0, stdout: "1\n", stderr: "" });
  });

  it.runIf(process.platform === "linux")("takes it along when it is killed", async () => {
    const source = `${PROGRAM}
      import { readFileSync } from "node:fs";
      const session = await open(${literal(endless())});
      session.run({ x: float32(new Float32Array(12), [1, 3, 2, 2]) });
      console.log(readFileSync("/proc/self/task/" + process.pid + "/children", "utf8"));
      setTimeout(() => process.kill(process.pid, "SIGKILL"), 300);`;
    const { stdout } = await runSource(source);
    const child = Number(stdout.trim());
    expect(child).toBeGreaterThan(1);
    // Gone, or dead and not yet waited for by whoever takes orphans.
    const state = () => readFile(`/proc/${child}/stat`, "utf8").catch(() => "gone");
    await expect.poll(state, { timeout: 20_000 }).toMatch(/^gone$|\) Z /);
  });
});
