import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { GraphError } from "../../src/errors.js";
import { elements, float, Graph, int, ints, type TensorData, text, type Value } from "../../src/graph/index.js";
import { decodeOnnx } from "../../src/onnx/codec.js";
import { readOnnx, writeOnnx } from "../../src/onnx/index.js";
import type { WriteOptions } from "../../src/onnx/writer.js";
import {
  add,
  concat,
  conv,
  MaxPool,
  matMul,
  maxPool,
  pixelShuffle,
  Relu,
  relu,
  split,
} from "../../src/operators/index.js";

const again = (bytes: Uint8Array, options: WriteOptions = {}): Uint8Array => {
  const { graph, metadata } = readOnnx(bytes);
  return writeOnnx(graph, { metadata, ...options });
};

const bytesOf = (data: TensorData | undefined): Uint8Array =>
  data ? new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength) : new Uint8Array();

/** A graph with something of everything. */
function various(): Graph {
  const graph = new Graph("various");
  const r = new Random(1);
  const image = graph.input("image", [1, 3, 6, 6]);
  const weight = graph.constant(r.floats(8 * 27), [8, 3, 3, 3], { name: "weight" });
  const bias = graph.constant(r.floats(8), [8]);
  const features = relu(conv(image, weight, bias, { pads: [1, 1, 1, 1] }));
  const { output } = maxPool(features, [2, 2], { strides: [2, 2] });
  const [first, second] = split(pixelShuffle(concat([output, output], 1), 2), [1, 3], 1) as [Value, Value];
  graph.output("first", first);
  graph.output("again", first);
  graph.output("second", add(second, 0.5));
  graph.output("image_too", image);
  graph.output("weight_too", weight);
  graph.output("product", matMul(first, first, { transposeRight: true, scale: 0.25 }));
  relu(graph.input("unused", [2]));
  graph.constant(Float32Array.of(1), [1]);
  return graph;
}

describe("an ONNX model that is written and read", () => {
  it("is the same graph, and then the same bytes", () => {
    const graph = various();
    const bytes = writeOnnx(graph, { metadata: { width: "0.5", "": "empty key", näme: "größe" } });
    const { graph: read, metadata } = readOnnx(bytes);
    expect(metadata).toEqual({ width: "0.5", "": "empty key", näme: "größe" });
    expect(read.inputs.map(({ name, shape, dtype }) => [name, shape, dtype])).toEqual([
      ["image", [1, 3, 6, 6], "float32"],
      ["unused", [2], "float32"],
    ]);
    expect([...read.outputs].map(([name, { shape }]) => [name, [...shape]])).toEqual(
      [...graph.outputs].map(([name, { shape }]) => [name, [...shape]]),
    );
    expect(again(bytes)).toEqual(bytes);
  });

  it("computes the same", async () => {
    const graph = various();
    const feeds = { image: tensor([1, 3, 6, 6], (i) => Math.sin(i)), unused: tensor([2], [0, 0]) };
    const [before, after] = [await evaluate(graph, feeds), await evaluate(readOnnx(writeOnnx(graph)).graph, feeds)];
    expect(after).toEqual(before);
  });

  it("leaves out what no output needs, keeps inputs that nothing reads", () => {
    const { graph } = readOnnx(writeOnnx(various()));
    expect(graph.nodes.filter((node) => node.operator === Relu)).toHaveLength(1);
    expect(graph.constants.map(({ name }) => name)).toContain("weight");
    expect(graph.constants.some(({ shape }) => shape.length === 1 && shape[0] === 1)).toBe(false);
    expect(graph.inputs.map(({ name }) => name)).toEqual(["image", "unused"]);
  });

  it("keeps attributes of every kind, with values of any size", () => {
    const graph = new Graph("attributes");
    const x = graph.input("x", [1, 1, 4, 4]);
    const attributes = {
      kernel_shape: ints([2, 2]),
      none: ints([]),
      long: ints([0, -1, 2 ** 40, -(2 ** 40)]),
      largest: int(Number.MAX_SAFE_INTEGER),
      smallest: int(Number.MIN_SAFE_INTEGER),
      half: float(0.5),
      fine: float(Math.fround(1e-30)),
      infinite: float(Number.NEGATIVE_INFINITY),
      floats: { kind: "floats", value: [1, -0.25, Math.fround(0.1)] },
      text: text("größe 超解像"),
      empty: text(""),
    } as const;
    graph.output("y", graph.apply(MaxPool, [x], attributes)[0] as Value);
    const bytes = writeOnnx(graph);
    expect(readOnnx(bytes).graph.nodes[0]?.attributes).toEqual(attributes);
    expect(again(bytes)).toEqual(bytes);
  });

  it("keeps constants of every type, bit for bit", () => {
    const graph = new Graph("types");
    const bits = Uint8Array.of(0, 1, 128, 255, 127, 192, 63, 200, 0, 0, 192, 255, 0, 0, 128, 127);
    const constants: [string, TensorData, "float16" | "bfloat16" | "bool" | undefined][] = [
      ["float32", new Float32Array(bits.buffer), undefined],
      ["float64", new Float64Array(bits.buffer), undefined],
      ["int64", new BigInt64Array(bits.buffer), undefined],
      ["int32", new Int32Array(bits.buffer), undefined],
      ["int8", new Int8Array(bits.buffer), undefined],
      ["uint8", new Uint8Array(bits.buffer), undefined],
      ["float16", new Uint16Array(bits.buffer), "float16"],
      ["bfloat16", new Uint16Array(bits.buffer), "bfloat16"],
      ["bool", Uint8Array.of(0, 1, 1, 0), "bool"],
    ];
    for (const [name, data, dtype] of constants) {
      graph.output(name, graph.constant(data, [1, data.length], { name: `c_${name}`, ...(dtype && { dtype }) }));
    }
    // A view that doesn't start at its buffer's beginning.
    graph.output("view", graph.constant(new Float32Array([1, 2, 3, 4]).subarray(1, 3), [2], { name: "c_view" }));
    graph.output("empty", graph.constant(new Float32Array(), [0, 2], { name: "c_empty" }));
    const bytes = writeOnnx(graph);
    const { graph: read } = readOnnx(bytes);
    for (const [name, data] of constants) {
      const found = read.constants.find((constant) => constant.name === `c_${name}`);
      expect(found?.dtype).toBe(name);
      expect(found?.data?.constructor).toBe(data.constructor);
      expect(bytesOf(found?.data)).toEqual(bytesOf(data));
    }
    expect(read.constants.find(({ name }) => name === "c_view")?.data).toEqual(Float32Array.of(2, 3));
    expect(read.constants.find(({ name }) => name === "c_empty")?.shape).toEqual([0, 2]);
    expect(again(bytes)).toEqual(bytes);
  });

  it("leaves axes open that are named, and runs at any size there", async () => {
    const graph = new Graph("open");
    const x = graph.input("x", [1, 4, 2, 3]);
    graph.output("y", pixelShuffle(relu(x), 2));
    const dynamicAxes = {
      x: { 0: "batch", 2: "height", 3: "width" },
      y: { 0: "batch", 2: "tall", 3: "wide" },
    };
    const bytes = writeOnnx(graph, { dynamicAxes });
    expect(() => readOnnx(bytes)).toThrow('input x: size "batch" is open');
    const { graph: read } = readOnnx(bytes, { sizes: { batch: 2, height: 5, width: 1 } });
    expect([...read.outputs.values()].map(({ shape }) => shape)).toEqual([[2, 1, 10, 2]]);
    const session = await createSession(bytes, { threads: 1 });
    const { outputs } = await session.run({ x: tensor([2, 4, 3, 7], (i) => i) }).finally(() => session.close());
    expect(outputs.y?.shape).toEqual([2, 1, 6, 14]);
  });

  it("is a model that the engine takes with open sizes it doesn't know beforehand", async () => {
    const graph = new Graph("names");
    graph.output("a b/c", relu(graph.input("größe 1", [2])));
    const outputs = await evaluate(readOnnx(writeOnnx(graph)).graph, { "größe 1": tensor([2], [-1, 4]) });
    expect([...floats(outputs, "a b/c")]).toEqual([0, 4]);
  });

  it("survives reading for graphs whose made-up names a file has used otherwise", () => {
    const graph = new Graph("names");
    const x = graph.input("x", [1, 1, 4, 4]);
    const pooled = graph.apply(MaxPool, [x], { kernel_shape: ints([2, 2]) }, { names: ["a"] })[0] as Value;
    graph.output("y", graph.apply(Relu, [pooled], {}, { names: ["MaxPool_1"] })[0] as Value);
    expect(readOnnx(writeOnnx(graph)).graph.nodes).toHaveLength(2);
  });

  it("isn't written with a name that a file can't hold twice", () => {
    const graph = new Graph("names");
    const x = graph.input("x", [2]);
    graph.output("y", relu(x));
    expect(() => graph.input("y", [2])).toThrow(GraphError);
  });

  it("keeps apart what the engine fuses although both are asked for: two convolutions' sum and one of the two", async () => {
    for (const [name, swapped] of [
      ["asked", false],
      ["asked", true],
      // The convolution's own name.
      ["Conv_1", true],
    ] as const) {
      const graph = new Graph("sum");
      const r = new Random(3);
      const x = graph.input("x", [1, 3, 4, 4]);
      const weights = () => graph.input(`w${graph.inputs.length}`, [12, 3, 1, 1]);
      const [first, second] = [conv(x, weights()), conv(x, weights())];
      graph.output(name, first);
      graph.output("sum", swapped ? add(second, first) : add(first, second));
      const { graph: written } = decodeOnnx(writeOnnx(graph));
      const convolutions = written?.nodes
        .filter(({ operator }) => operator === "Conv")
        .flatMap(({ outputs }) => outputs);
      expect(convolutions).not.toContain(name);
      const feeds = Object.fromEntries(
        graph.inputs.map((input) => [input.name, tensor(input.shape, r.floats(elements(input.shape)))]),
      );
      const session = await createSession(readOnnx(writeOnnx(graph)).graph, { threads: 1 });
      const { outputs } = await session.run(feeds);
      await session.close();
      const [w1, w2] = [feeds.w1?.data, feeds.w2?.data] as [Float32Array, Float32Array];
      const at = (weight: Float32Array) =>
        [0, 1, 2].reduce((total, c) => total + (weight[c] as number) * (feeds.x?.data[c * 16] as number), 0);
      expect(floats(outputs, name)[0]).toBeCloseTo(at(w1), 5);
      expect(floats(outputs, "sum")[0]).toBeCloseTo(at(w1) + at(w2), 5);
    }
  });
});
