import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { exportModel } from "../../src/export/onnx.js";
import { readModel } from "../../src/formats/model-file.js";
import { elements, Graph, type Shape, text, type Value } from "../../src/graph/index.js";
import { modelFromOnnx } from "../../src/model/from-onnx.js";
import { importedModel } from "../../src/model/imported.js";
import { instantiate } from "../../src/model/model.js";
import { writeOnnx } from "../../src/onnx/index.js";
import { single } from "../../src/operators/apply.js";
import {
  add,
  cast,
  conv,
  Floor,
  identity,
  mul,
  pixelShuffle,
  Resize,
  relu,
  resizeTo,
  Slice,
  shapeOf,
  transpose,
} from "../../src/operators/index.js";

const random = new Random(9);
const constant = (graph: Graph, name: string, shape: Shape): Value =>
  graph.constant(random.floats(elements(shape), -1, 1), shape, { name });
const padded = { pads: [1, 1, 1, 1] };

/** The model computes what the graph does, at the graph's own size. */
async function expectSame(graph: Graph, bytes = writeOnnx(graph)): Promise<void> {
  const model = readModel(bytes, "test.onnx");
  const [x] = graph.inputs as [Value];
  const image = tensor(x.shape, random.floats(elements(x.shape), 0, 1));
  const expected = floats(await evaluate(graph, { [x.name]: { ...image, data: image.data.slice() } }), "y");
  const made = floats(await evaluate(instantiate(model, model.image.shape), { lr: image }), "sr");
  expected.forEach((number, i) => {
    expect(made[i]).toBeCloseTo(number, 4);
  });
}

describe("a graph that was read, as a model", () => {
  it("has normalisations in the convolutions before them", async () => {
    const graph = new Graph("test");
    const x = graph.input("x", [1, 3, 8, 8]);
    const convolved = conv(x, constant(graph, "a.weight", [5, 3, 3, 3]), undefined, padded);
    const normal = add(mul(convolved, constant(graph, "f", [5, 1, 1])), constant(graph, "o", [5, 1, 1]));
    const second = conv(
      relu(normal),
      constant(graph, "b.weight", [3, 5, 3, 3]),
      constant(graph, "b.bias", [3]),
      padded,
    );
    graph.output("y", add(mul(second, constant(graph, "g", [3, 1, 1])), constant(graph, "p", [3, 1, 1])));
    const model = importedModel(graph);
    expect(model.graph.nodes.map(({ operator }) => operator.name)).toEqual(["Conv", "Relu", "Conv"]);
    expect([...model.parameters].map(([name, { shape }]) => [name, shape])).toEqual([
      ["a.weight", [5, 3, 3, 3]],
      ["b.weight", [3, 5, 3, 3]],
      ["b.bias", [3]],
      [expect.stringMatching(/^constant_/), [5]],
    ]);
    await expectSame(graph);
  });

  it("keeps a normalisation whose convolution is read elsewhere too", async () => {
    const graph = new Graph("test");
    const x = graph.input("x", [1, 3, 8, 8]);
    const convolved = conv(x, constant(graph, "w", [3, 3, 3, 3]), undefined, padded);
    const normal = add(mul(convolved, constant(graph, "f", [3, 1, 1])), constant(graph, "o", [3, 1, 1]));
    graph.output("y", add(normal, convolved));
    expect(importedModel(graph).graph.nodes).toHaveLength(4);
    await expectSame(graph);
  });

  it("has no parameters in what nothing reads, nor in what makes sizes", () => {
    const graph = new Graph("test");
    const x = graph.input("x", [1, 3, 16, 16]);
    constant(graph, "unread", [3]);
    const factors = graph.constant(Float32Array.of(1, 1, 0.5, 0.5), [4], { name: "factors" });
    const sizes = cast(mul(cast(shapeOf(x), "float32"), factors), "int64");
    const half = resizeTo(x, sizes);
    graph.output("y", resizeTo(conv(half, identity(constant(graph, "w", [3, 3, 1, 1]))), shapeOf(x)));
    const model = importedModel(graph);
    expect([...model.parameters.keys()]).toEqual(["Identity_1"]);
    expect(model.descriptor.size).toEqual({ minimum: 2, multipleOf: 1 });
  });

  it("of channels last loses the transpositions around it", async () => {
    const graph = new Graph("last");
    const x = graph.input("x", [1, 6, 8, 3]);
    const weight = constant(graph, "w", [12, 3, 1, 1]);
    graph.output("y", transpose(pixelShuffle(conv(transpose(x, [0, 3, 1, 2]), weight), 2), [0, 2, 3, 1]));
    const model = importedModel(graph);
    expect(model.image.shape).toEqual([1, 3, 6, 8]);
    expect(model.graph.nodes.map(({ operator }) => operator.name)).toEqual(["Conv", "DepthToSpace"]);
    expect(model.descriptor).toMatchObject({ scale: 2, channels: { input: 3, output: 3 } });
    const image = tensor([1, 3, 6, 8], random.floats(144, 0, 1));
    const last = tensor([1, 6, 8, 3], (i) => Number(image.data[(i % 3) * 48 + Math.floor(i / 3)]));
    const expected = floats(await evaluate(graph, { x: last }), "y");
    const made = floats(await evaluate(instantiate(model, [1, 3, 6, 8]), { lr: image }), "sr");
    expect(made.length).toBe(expected.length);
    made.forEach((number, i) => {
      expect(number).toBeCloseTo(expected[(i % 192) * 3 + Math.floor(i / 192)] as number, 4);
    });
    const open = { 0: "n", 1: "h", 2: "w", 3: "c" };
    const bytes = writeOnnx(graph, { dynamicAxes: { x: open, y: open } });
    expect(modelFromOnnx(bytes).image.shape).toEqual([1, 3, 16, 16]);
  });

  it("is of float32", () => {
    const graph = new Graph("bytes");
    graph.output("y", cast(graph.input("x", [1, 3, 8, 8], "uint8"), "float32"));
    expect(() => importedModel(graph)).toThrow(/takes images of uint8; expected float32/);
  });

  it("has as many channels as its weights take where the file leaves them open", () => {
    const graph = new Graph("open");
    graph.output("y", conv(graph.input("x", [1, 1, 8, 8]), constant(graph, "w", [1, 1, 1, 1])));
    const bytes = writeOnnx(graph, { dynamicAxes: { x: { 1: "size", 2: "size", 3: "size" } } });
    expect(modelFromOnnx(bytes).image.shape).toEqual([1, 1, 16, 16]);
    expect(() => modelFromOnnx(bytes, { channels: 3 })).toThrow(/3 channels into a weight for 1/);
  });

  it("is of single precision, but computes sizes as its file does", () => {
    const graph = new Graph("double");
    const x = graph.input("x", [1, 1, 48, 48], "float64");
    // In single precision 48 · 0.333… is 16, in double precision a little less.
    const third = graph.constant(Float64Array.of(1, 1, 0.333333333333333, 0.333333333333333), [4], { name: "third" });
    const made = graph.apply(Floor, [mul(cast(shapeOf(x), "float64"), third)])[0] as Value;
    const weight = graph.constant(Float64Array.of(0.1), [1, 1, 1, 1], { name: "weight" });
    const small = graph.apply(Slice, [
      conv(x, weight),
      ...[graph.integers([0, 0, 0, 0]), cast(made, "int64")],
    ])[0] as Value;
    graph.output("y", small);
    const model = modelFromOnnx(writeOnnx(graph));
    expect(model.image.dtype).toBe("float32");
    expect(model.output.shape).toEqual([1, 1, 15, 15]);
    expect(model.parameters.get("weight")?.data).toEqual(Float32Array.of(0.1));
    expect(model.descriptor.origin).toMatchObject({ notes: ["its numbers were float64; they are float32"] });
  });

  it("is written with the sizes that it takes, and read so again", async () => {
    const graph = new Graph("fixed");
    const x = graph.input("x", [1, 3, 12, 20]);
    graph.output("y", add(conv(x, constant(graph, "w", [3, 3, 1, 1])), constant(graph, "map", [1, 3, 12, 20])));
    const model = importedModel(graph);
    const fixed = { minimum: 1, multipleOf: 1, fixed: { height: 12, width: 20 } };
    expect(model.descriptor.size).toEqual(fixed);
    const onnx = exportModel(model);
    expect(readModel(onnx, "again.onnx").descriptor.size).toEqual(fixed);
    const session = await createSession(onnx, { threads: 1 });
    await session.run({ x: tensor([1, 3, 12, 20], () => 1) });
    await session.close();
  });

  it("keeps a parameter that several layers share", () => {
    const graph = new Graph("shared");
    const x = graph.input("x", [1, 3, 8, 8]);
    const weight = constant(graph, "w", [3, 3, 3, 3]);
    graph.output("y", conv(relu(conv(x, weight, undefined, padded)), weight, undefined, padded));
    const again = readModel(exportModel(importedModel(graph)), "again.onnx");
    expect([...again.parameters.keys()].filter((name) => name.startsWith("w") && !name.includes("bias"))).toEqual([
      "w",
    ]);
  });

  it("takes weights for parameters, and leaves a resize its magnifications", () => {
    const graph = new Graph("resized");
    const x = graph.input("x", [1, 3, 8, 8]);
    const weight = graph.constant(new Float32Array(9).fill(0.5), [3, 3, 1, 1], { name: "weight" });
    const scales = graph.constant(Float32Array.of(1, 1, 2, 2), [4], { name: "scales" });
    graph.output("y", single(Resize, [conv(x, weight), undefined, scales], { mode: text("linear") }));
    const model = importedModel(graph);
    expect([...model.places.keys()]).toEqual(["weight"]);
    expect(model.descriptor.scale).toBe(2);
  });
});
