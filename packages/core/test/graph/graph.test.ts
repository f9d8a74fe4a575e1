import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { GraphError } from "../../src/errors.js";
import { Graph, liveNodes, type TensorData, type Value } from "../../src/graph/index.js";
import { readOnnx, writeOnnx } from "../../src/onnx/index.js";
import { add, concat, identity, matMul, maxPool, mul, Relu, relu, split, sum } from "../../src/operators/index.js";

describe("a graph", () => {
  it("makes names up that are free", () => {
    const graph = new Graph("test");
    const x = graph.input("Relu_1", [2]);
    graph.input("Relu_3", [2]);
    expect([relu(x), relu(x), relu(x)].map(({ name }) => name)).toEqual(["Relu_2", "Relu_4", "Relu_5"]);
  });

  it.each([
    ["two inputs", (graph: Graph) => graph.input("x", [2])],
    ["an input and a constant", (graph: Graph) => graph.constant(Float32Array.of(1), [1], { name: "x" })],
    ["an input and an output", (graph: Graph) => graph.output("x", relu(graph.inputs[0] as Value))],
    ["an input and a node's output", (graph: Graph) => graph.apply(Relu, [graph.inputs[0]], {}, { names: ["x"] })],
  ])("refuses one name for %s", (_, again) => {
    const graph = new Graph("test");
    graph.input("x", [2]);
    expect(() => again(graph)).toThrow(GraphError);
    expect(() => again(graph)).toThrow(/graph test has two values named x/);
  });

  it("refuses two outputs of one name, and none", () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2]);
    graph.output("y", relu(x));
    expect(() => graph.output("y", relu(x))).toThrow(/graph test has two outputs named y/);
    expect(() => graph.output("", relu(x))).toThrow(/needs a name/);
  });

  it("refuses values of another graph, naming both", () => {
    const [a, b] = [new Graph("a"), new Graph("b")];
    const [x, y] = [a.input("x", [2]), b.input("y", [2])];
    expect(() => add(x, y)).toThrow(/Add: input y belongs to graph b, not a/);
    expect(() => a.output("z", y)).toThrow(/output z: y belongs to graph b, not a/);
  });

  it.each([[[-1]], [[1.5]], [[Number.NaN]], [[2 ** 53]]])("refuses the shape [%s]", (shape) => {
    expect(() => new Graph("test").input("x", shape)).toThrow(
      /x: \[.*\] is not a shape; sizes are whole numbers from 0/,
    );
  });

  it.each<[string, TensorData, number[], "float32" | "int64" | undefined, RegExp]>([
    [
      "too few elements",
      Float32Array.of(1),
      [2],
      undefined,
      /constant c: 1 elements of Float32Array don't fill float32 \[2\]/,
    ],
    ["elements of another type", Float32Array.of(1), [1], "int64", /don't fill int64 \[1\]/],
    ["16 bits without a type", Uint16Array.of(1), [1], undefined, /16-bit constants need their dtype named/],
  ])("refuses a constant of %s", (_, data, shape, dtype, message) => {
    const options = dtype ? { name: "c", dtype } : { name: "c" };
    expect(() => new Graph("test").constant(data, shape, options)).toThrow(message);
  });

  it("keeps one constant per number and per list of integers", () => {
    const graph = new Graph("test");
    expect(graph.scalar(2)).toBe(graph.scalar(2));
    expect(graph.scalar(2)).not.toBe(graph.scalar(3));
    expect(graph.integers([1, 2])).toBe(graph.integers([1, 2]));
    expect(graph.integers([12])).not.toBe(graph.integers([1, 2]));
    expect(graph.integers([])).not.toBe(graph.scalar(0));
    expect(graph.constants).toHaveLength(6);
  });

  it("copies the shapes that it is given", () => {
    const shape = [2, 3];
    const x = new Graph("test").input("x", shape);
    shape[0] = 9;
    expect(x.shape).toEqual([2, 3]);
  });

  it("knows which nodes its outputs need", () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2]);
    const [needed] = [relu(x), relu(x)];
    const y = mul(needed, needed);
    add(y, 1);
    graph.output("y", y);
    expect(liveNodes(graph)).toEqual([needed.producer, y.producer]);
  });
});

describe("operators with a choice", () => {
  it("make no node of a sum or a concatenation of one", () => {
    const x = new Graph("test").input("x", [2]);
    expect(sum([x])).toBe(x);
    expect(concat([x], 0)).toBe(x);
    expect(x.graph.nodes).toEqual([]);
  });

  it("take a number on either side", async () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2]);
    graph.output("y", mul(3, add(x, 1)));
    expect([...floats(await evaluate(graph, { x: tensor([2], [1, -2]) }), "y")]).toEqual([6, -3]);
    expect(() => mul(2, 3)).toThrow(TypeError);
  });

  it("write a plain product as ONNX's own", () => {
    const graph = new Graph("test");
    const [a, b] = [graph.input("a", [2, 3]), graph.input("b", [3, 2])];
    const node = (value: Value) => [value.producer?.operator.name, value.producer?.operator.domain];
    expect(node(matMul(a, b))).toEqual(["MatMul", ""]);
    expect(node(matMul(a, a, { transposeRight: true }))).toEqual(["FusedMatMul", "com.microsoft"]);
  });
});

describe("what the engine is given", () => {
  it("leaves out indices that nothing reads, and keeps every part of a split", async () => {
    const graph = new Graph("test");
    const x = graph.input("x", [1, 1, 2, 4]);
    const { output, indices } = maxPool(x, [2, 2], { strides: [2, 2] });
    expect(indices.shape).toEqual(output.shape);
    graph.output("largest", output);
    graph.output("middle", split(x, [1, 2, 1], 3)[1] as Value);
    const written = readOnnx(writeOnnx(graph)).graph.nodes;
    expect(written.map((node) => [node.operator.name, node.outputs.length])).toEqual([
      ["MaxPool", 1],
      ["Split", 3],
    ]);
    const outputs = await evaluate(graph, { x: tensor(x.shape, (i) => i) });
    expect([...floats(outputs, "largest")]).toEqual([5, 7]);
    expect([...floats(outputs, "middle")]).toEqual([1, 2, 5, 6]);
  });

  it("has outputs that are inputs, constants, one value under two names", async () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2]);
    const y = relu(x);
    graph.output("same", x);
    graph.output("three", graph.scalar(3));
    graph.output("first", y);
    graph.output("second", y);
    graph.output("third", identity(y));
    graph.output(y.name, y);
    const outputs = await evaluate(graph, { x: tensor([2], [-1, 2]) });
    expect(Object.keys(outputs).sort()).toEqual([y.name, "first", "same", "second", "third", "three"].sort());
    expect([...floats(outputs, "same")]).toEqual([-1, 2]);
    expect([...floats(outputs, "three")]).toEqual([3]);
    for (const name of [y.name, "first", "second", "third"]) expect([...floats(outputs, name)]).toEqual([0, 2]);
  });
});
