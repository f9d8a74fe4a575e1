import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { floats, nextThread, open, tensor } from "../../../../test/support/engine.js";
import { DeviceError } from "../../../core/src/errors.js";
import { Graph, type Value } from "../../../core/src/graph/index.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { add, detach, matMul, mul, relu } from "../../../core/src/operators/index.js";
import { float32, type Tensor } from "../../src/engine/session.js";
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

  it("leaves its thread to the next one, which knows nothing of it", async () => {
    const graph = new Graph("sum");
    const total = add(graph.input("total", [1]), 1);
    graph.output("new_total", total);
    const before = nextThread();
    for (let i = 0; i < 10; i++) {
      const session = await createSession(graph, { threads: 1, carried: { new_total: "total" } });
      expect(await session.carried()).toEqual({});
      await session.run({ total: tensor([1], [i]) });
      expect(await session.carried()).toEqual({ total: tensor([1], [i + 1]) });
      await session.close();
      await expect(session.carried()).rejects.toThrow("the session is closed");
    }
    expect(nextThread() - before).toBeLessThan(5);
  });

  it("beside another shares its thread, and neither knows what the other holds or that it ends", async () => {
    const graph = new Graph("sum");
    graph.output("new_total", add(graph.input("total", [1]), 1));
    const carried = { carried: { new_total: "total" } };
    const before = nextThread();
    const first = await createSession(graph, { threads: 1, ...carried });
    await first.run({ total: tensor([1], [1]) });
    const others = [];
    for (let i = 0; i < 10; i++) others.push(await createSession(small(), { threads: 1 }, { beside: first }));
    const counting = await createSession(graph, { threads: 1, ...carried }, { beside: others[0] });
    const own = new Graph("own");
    own.output("y", detach(own.input("x", [1])));
    await expect(createSession(own, {}, { beside: first })).rejects.toThrow(DeviceError);
    expect(nextThread() - before).toBeLessThan(5);
    await counting.run({ total: tensor([1], [7]) });
    const results = await Promise.all(others.map((session) => session.run({ x: x(), w: w() })));
    expect(results.map(({ outputs }) => [...floats(outputs, "y")])).toEqual(others.map(() => Y));
    await first.close();
    await expect(first.carried()).rejects.toThrow("the session is closed");
    for (const session of others) await session.close();
    expect(await counting.carried()).toEqual({ total: tensor([1], [8]) });
    await counting.close();
  });

  it("beside one that is closed, or whose thread has ended, has a thread that works", async () => {
    const graph = new Graph("none");
    graph.output("y", relu(graph.input("x", [0])));
    const ended = await createSession(graph, { threads: 1 });
    const gone = tensor([0], []);
    structuredClone(gone.data.buffer, { transfer: [gone.data.buffer as ArrayBuffer] });
    await expect(ended.run({ x: gone })).rejects.toThrow(DeviceError);
    const closed = await createSession(small(), { threads: 1 });
    await closed.close();
    const sessions = [];
    for (const beside of [ended, closed, closed])
      sessions.push(await createSession(small(), { threads: 1 }, { beside }));
    const results = await Promise.all(sessions.map((session) => session.run({ x: x(), w: w() })));
    expect(results.map(({ outputs }) => [...floats(outputs, "y")])).toEqual([Y, Y, Y]);
    for (const session of sessions) await session.close();
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
