import { describe, expect, it } from "vitest";
import { floats, open, tensor } from "../../../../test/support/engine.js";
import { DeviceError, OnnxError } from "../../../core/src/errors.js";
import { Graph } from "../../../core/src/graph/index.js";
import { reorderInput } from "../../../core/src/lowering/blocked/operators.js";
import { writeOnnx } from "../../../core/src/onnx/index.js";
import { add, detach, relu } from "../../../core/src/operators/index.js";
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
