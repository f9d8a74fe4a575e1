import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { runSource } from "../../../../test/support/child.js";
import { floats, open, tensor } from "../../../../test/support/engine.js";
import { describeWith, SOFTWARE_GPU } from "../../../../test/support/requirement.js";
import { DeviceError, OnnxError } from "../../../core/src/errors.js";
import { Graph, type Value } from "../../../core/src/graph/index.js";
import { reorderInput } from "../../../core/src/lowering/blocked/operators.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { add, detach, matMul, mul, relu } from "../../../core/src/operators/index.js";
import { float32, int64, type RunOptions, type Tensor, type Tensors } from "../../src/engine/session.js";
import { createSession } from "../../src/node/session.js";

/** y = relu(x + w) */
function small(): Graph {
  const graph = new Graph("small");
  graph.output("y", relu(add(graph.input("x", [2, 3]), graph.input("w", [3]))));
  return graph;
}

const x = (): Tensor => tensor([2, 3], [1, -2, 3, -4, 5, -6]);
const w = (): Tensor => tensor([3], [1, 1, 1]);
const Y = [2, 0, 4, 0, 6, 0];

/** Products that keep a thread busy for a while. */
function heavy(size: number, count: number): Graph {
  const graph = new Graph("heavy");
  const start = graph.input("x", [size, size]);
  let y: Value = start;
  for (let i = 0; i < count; i++) y = mul(matMul(y, start), 1e-3);
  graph.output("y", y);
  return graph;
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "slimsr-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe("a session", () => {
  it("runs a graph, or the bytes of a model, which stay the caller's", async () => {
    const bytes = writeOnnx(small());
    const copy = bytes.slice();
    for (const source of [small(), bytes]) {
      const session = await createSession(source, { threads: 1 });
      const { outputs, feeds } = await session.run({ x: x(), w: w() });
      await session.close();
      expect([...floats(outputs, "y")]).toEqual(Y);
      expect(outputs.y?.shape).toEqual([2, 3]);
      expect(feeds).toEqual({});
    }
    expect(bytes).toEqual(copy);
  });

  it("leaves the event loop free while it runs", async () => {
    const session = await open(heavy(640, 24));
    const feeds = { x: tensor([640, 640], (i) => (i % 7) / 7) };
    let [ticks, longest, last] = [0, 0, performance.now()];
    const timer = setInterval(() => {
      ticks++;
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 2);
    const start = last;
    await session.run(feeds);
    const took = performance.now() - start;
    clearInterval(timer);
    expect(took).toBeGreaterThan(50);
    expect(ticks).toBeGreaterThan(10);
    expect(longest).toBeLessThan(took / 2);
  });

  it("keeps what runs carry on, of which it yields copies", async () => {
    const graph = new Graph("sum");
    const total = add(graph.input("total", [2]), graph.input("x", [2]));
    graph.output("new_total", total);
    graph.output("twice", mul(total, 2));
    const session = await createSession(graph, { threads: 1, carried: { new_total: "total" } });
    onTestFinished(() => session.close());
    expect(await session.carried()).toEqual({});
    const ones = () => tensor([2], [1, 1]);
    const first = await session.run({ total: tensor([2], [10, 20]), x: ones() });
    expect(Object.keys(first.outputs)).toEqual(["twice"]);
    await session.run({ x: ones() });
    await expect(session.run({ x: tensor([3], [1, 1, 1]) })).rejects.toThrow(DeviceError);
    for (const _ of [1, 2]) expect(await session.carried()).toEqual({ total: tensor([2], [12, 22]) });
    expect([...floats((await session.run({ x: ones() })).outputs, "twice")]).toEqual([26, 46]);
    const again = await session.run({ total: tensor([2], [0, 0]), x: ones() });
    expect([...floats(again.outputs, "twice")]).toEqual([2, 2]);
    expect(await session.carried()).toEqual({ total: tensor([2], [1, 1]) });
  });

  it("answers runs in their order", async () => {
    const session = await open(small());
    const runs = Array.from({ length: 20 }, async (_, i) => {
      const { outputs } = await session.run({ x: tensor([2, 3], () => i), w: tensor([3], () => 0) });
      return floats(outputs, "y")[5];
    });
    expect(await Promise.all(runs)).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  it("finishes the runs that wait when it is closed, and can be closed again", async () => {
    const session = await createSession(heavy(128, 20), { threads: 1 });
    const feeds = { x: tensor([128, 128], (i) => i % 3) };
    const runs = [session.run(feeds), session.run(feeds)];
    await Promise.all([session.close(), session.close()]);
    expect((await Promise.all(runs)).map(({ outputs }) => outputs.y?.shape)).toEqual([
      [128, 128],
      [128, 128],
    ]);
    await session.close();
    await expect(session.run(feeds)).rejects.toThrow(DeviceError);
    await expect(session.run(feeds)).rejects.toThrow("the session is closed");
  });

  it("takes large constants through a file that it removes", async () => {
    const folder = await temporaryFolder();
    const before = process.env.TMPDIR;
    onTestFinished(() => {
      if (before === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = before;
    });
    process.env.TMPDIR = folder;
    const graph = new Graph("large");
    const size = 2 ** 22 + 8;
    const constant = graph.constant(
      Float32Array.from({ length: size }, (_, i) => i),
      [size],
    );
    graph.output("y", add(constant, graph.input("x", [])));
    const session = await open(graph);
    expect(await readdir(folder)).toEqual([]);
    const { outputs } = await session.run({ x: tensor([], [2]) });
    expect(floats(outputs, "y").subarray(size - 2)).toEqual(Float32Array.of(size, size + 1));
  });

  it("writes a profile and the optimised model where it is asked to", async () => {
    const folder = await temporaryFolder();
    const [profile, optimisedModel] = [join(folder, "profile"), join(folder, "optimised.onnx")];
    const session = await createSession(small(), { threads: 1, profile, optimisedModel });
    await session.run({ x: x(), w: w() });
    await session.close();
    const files = (await readdir(folder)).sort();
    expect(files).toHaveLength(2);
    expect(files[1]).toMatch(/^profile_.*\.json$/);
    for (const file of files) expect((await stat(join(folder, file))).size).toBeGreaterThan(100);
  });

  it("sends a view of a larger buffer as what it shows", async () => {
    const session = await open(small());
    const pool = Float32Array.of(99, 1, -2, 3, -4, 5, -6, 99);
    const { outputs } = await session.run({ x: float32(pool.subarray(1, 7), [2, 3]), w: w() });
    expect([...floats(outputs, "y")]).toEqual(Y);
    expect([...pool]).toEqual([99, 1, -2, 3, -4, 5, -6, 99]);
  });
});

describe("tensors that are moved", () => {
  it("are gone while the session has them, and come back", async () => {
    const session = await open(small());
    const [moved, kept] = [x(), w()];
    const running = session.run({ x: moved, w: kept }, { move: ["x"] });
    expect(moved.data.length).toBe(0);
    const { feeds, outputs } = await running;
    expect([...floats(outputs, "y")]).toEqual(Y);
    expect(Object.keys(feeds)).toEqual(["x"]);
    expect(feeds.x).toEqual(x());
    expect(kept).toEqual(w());
  });

  it("take the outputs when they are given for them", async () => {
    const session = await open(small());
    const target = tensor([2, 3], () => 7);
    const running = session.run({ x: x(), w: w() }, { into: { y: target } });
    expect(target.data.length).toBe(0);
    const { outputs } = await running;
    expect([...floats(outputs, "y")]).toEqual(Y);
  });

  it("go round and round without more memory", async () => {
    const size = 2 ** 21;
    const graph = new Graph("counter");
    graph.output("next", add(graph.input("state", [size]), 1));
    const session = await open(graph);
    let state = tensor([size], () => 0);
    let spare = tensor([size], () => 0);
    const round = async () => {
      const { outputs, feeds } = await session.run({ state }, { move: ["state"], into: { next: spare } });
      [state, spare] = [outputs.next as Tensor, feeds.state as Tensor];
    };
    for (let i = 0; i < 20; i++) await round();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 100; i++) await round();
    // Copies would be 8 MiB each, 1.6 GiB in all.
    expect(process.memoryUsage().rss - before).toBeLessThan(100e6);
    expect(state.data[size - 1]).toBe(120);
    expect(state.data.length).toBe(size);
  });

  it("must be whole buffers", async () => {
    const session = await open(small());
    const view = float32(new Float32Array(8).subarray(2), [2, 3]);
    const run = session.run({ x: view, w: w() }, { move: ["x"] });
    await expect(run).rejects.toThrow(DeviceError);
    await expect(run).rejects.toThrow("a tensor of shape [2, 3] is a view of a larger buffer and can't be moved");
    expect(view.data.length).toBe(6);
  });
});

describe("what a session refuses", () => {
  it.each<[string, Tensors, RunOptions, RegExp]>([
    [
      "a shape that isn't the input's",
      { x: tensor([2, 4], () => 0), w: w() },
      {},
      /input: x[\s\S]*index: 1 Got: 4 Expected: 3/,
    ],
    ["another rank", { x: tensor([6], () => 0), w: w() }, {}, /rank for input: x Got: 1 Expected: 2/],
    ["another type", { x: int64([1, 2]), w: w() }, {}, /input data type/],
    [
      "fewer elements than the shape has",
      { x: float32(new Float32Array(5), [2, 3]), w: w() },
      {},
      /x: 5 elements don't fill \[2, 3\]/,
    ],
    ["a missing input", { x: x() }, {}, /input 'w' is missing/],
    [
      "a target of another shape",
      { x: x(), w: w() },
      { into: { y: tensor([3, 2], () => 0) } },
      /output: y[\s\S]*index: 0 Got: 3 Expected: 2/,
    ],
    [
      "a target for an output that isn't there",
      { x: x(), w: w() },
      { into: { z: tensor([2, 3], () => 0) } },
      /no output z to write into; the model has y/,
    ],
  ])("%s; then it runs on", async (_, feeds, options, message) => {
    const session = await open(small());
    const run = session.run(feeds, options);
    await expect(run).rejects.toThrow(DeviceError);
    await expect(run).rejects.toThrow(message);
    expect([...floats((await session.run({ x: x(), w: w() })).outputs, "y")]).toEqual(Y);
  });

  it("takes what was moved; runs with that are refused at once, and others go on", async () => {
    const session = await open(small());
    const [moved, target] = [x(), tensor([2, 3], () => 7)];
    const refused = session.run({ x: moved, w: tensor([4], () => 0) }, { move: ["x"], into: { y: target } });
    await expect(refused).rejects.toThrow(/input: w[\s\S]*Got: 4 Expected: 3/);
    const lost = "its buffer was moved into an earlier run";
    await expect(session.run({ x: moved, w: w() }, { move: ["x"] })).rejects.toThrow(`x: ${lost}`);
    await expect(session.run({ x: moved, w: w() })).rejects.toThrow(DeviceError);
    await expect(session.run({ x: x(), w: w() }, { into: { y: target } })).rejects.toThrow(`y: ${lost}`);
    expect([...floats((await session.run({ x: x(), w: w() })).outputs, "y")]).toEqual(Y);
  });

  it("leaves tensors that it doesn't take with the caller", async () => {
    const session = await open(small());
    const [moved, target] = [x(), float32(new Float32Array(5), [2, 3])];
    const run = session.run({ x: moved, w: w() }, { move: ["x"], into: { y: target } });
    await expect(run).rejects.toThrow("y: 5 elements don't fill [2, 3]");
    expect([moved, target].map(({ data }) => data.length)).toEqual([6, 5]);
  });

  it("a message that can't be read, rather than wait for its answer", async () => {
    // No element fills a shape of none, and the message of a buffer that is gone doesn't arrive.
    const graph = new Graph("none");
    graph.output("y", relu(graph.input("x", [0])));
    const session = await createSession(graph, { threads: 1 });
    const gone = tensor([0], []);
    structuredClone(gone.data.buffer, { transfer: [gone.data.buffer as ArrayBuffer] });
    await expect(session.run({ x: gone })).rejects.toThrow(DeviceError);
    await session.close();
  });

  it("an operator that the engine lacks", async () => {
    const graph = new Graph("own");
    graph.output("y", detach(graph.input("x", [1])));
    await expect(createSession(graph)).rejects.toThrow(DeviceError);
  });

  it("bytes that are no model, or hold what an engine must not be handed", async () => {
    await expect(createSession(Uint8Array.of(1, 2, 3))).rejects.toThrow(OnnxError);
    const blocked = new Graph("blocked");
    blocked.output("y", reorderInput(blocked.input("x", [1, 16, 2, 2])));
    await expect(createSession(writeOnnx(blocked))).rejects.toThrow(/operators of domain com.microsoft.nchwc are not/);
    await (await createSession(blocked)).close();
  });

  it("CUDA where there is none, saying what it needs", async () => {
    // The package's files for CUDA aren't installed with it.
    const session = createSession(small(), { device: "cuda" });
    await expect(session).rejects.toThrow(DeviceError);
    await expect(session).rejects.toThrow(
      process.platform === "linux" ? /device cuda: [\s\S]*cuda needs an NVIDIA GPU, CUDA 12/ : /device cuda/,
    );
  });
});

const SMALL = `
  import { Graph } from "./packages/core/dist/graph/index.js";
import { add, matMul } from "./packages/core/dist/operators/index.js";
  import { createSession } from "./packages/upscaler/dist/node/session.js";
  import { float32 } from "./packages/upscaler/dist/engine/session.js";
  const graph = new Graph("small");
  const x = graph.input("x", [256, 256]);
  graph.output("y", add(matMul(x, x), x));
  const feeds = { x: float32(new Float32Array(65536).fill(1), [256, 256]) };
`;

describe("a process", () => {
  it("ends with a session open that has nothing to do", async () => {
    const idle = `${SMALL}
      const session = await createSession(graph, { threads: 2 });
      console.log((await session.run(feeds)).outputs.y.data[0]);`;
    expect(await runSource(idle)).toEqual({ code: 0, stdout: "257\n", stderr: "" });
  });

  it("waits for a run that nobody awaits", async () => {
    const busy = `${SMALL}
      const session = await createSession(graph, { threads: 1 });
      for (let i = 0; i < 5; i++) session.run(feeds).then(({ outputs }) => console.log(i, outputs.y.data[0]));`;
    const { code, stdout } = await runSource(busy);
    expect(code).toBe(0);
    expect(stdout).toBe("0 257\n1 257\n2 257\n3 257\n4 257\n");
  });

  it.runIf(process.platform === "linux")("without a Vulkan driver is told how to get one", async () => {
    const source = `${SMALL}
      createSession(graph, { device: "webgpu" }).catch((error) => console.log(error.name, error.message));`;
    const { code, stdout } = await runSource(source, { env: { VK_DRIVER_FILES: "/nonexistent.json" } });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^DeviceError device webgpu: [\s\S]*webgpu needs a Vulkan[\s\S]*package chromium[\s\S]*VK_DRIVER_FILES/,
    );
  });
});

describeWith(SOFTWARE_GPU, "on WebGPU", (driver) => {
  it("sessions of several threads take turns on the device that they share", async () => {
    const source = `
      import { Graph } from "./packages/core/dist/graph/index.js";
      import { add, relu } from "./packages/core/dist/operators/index.js";
      import { createSession } from "./packages/upscaler/dist/node/session.js";
      const graph = new Graph("steps");
      graph.output("y", [1, 2, 3, 4].reduce((y) => relu(add(y, 1)), graph.input("x", [64])));
      await Promise.all([0, 1, 2, 3].map(async (start) => {
        for (let round = 0; round < 3; round++) {
          const session = await createSession(graph, { device: "webgpu", threads: 1 });
          for (let run = 0; run < 10; run++) {
            const x = { dtype: "float32", shape: [64], data: new Float32Array(64).fill(start) };
            const { outputs } = await session.run({ x });
            if (outputs.y.data[63] !== start + 4) throw new Error("y is " + outputs.y.data[63]);
          }
          await session.close();
        }
      }));
      console.log("done");`;
    const { code, stdout, stderr } = await runSource(source, { env: { VK_DRIVER_FILES: driver }, seconds: 170 });
    expect(stderr).toBe("");
    expect([code, stdout]).toEqual([0, "done\n"]);
  }, 180_000);
});
