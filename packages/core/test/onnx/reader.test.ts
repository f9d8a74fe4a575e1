import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { OnnxError } from "../../src/errors.js";
import type { DataType, Graph, Value } from "../../src/graph/index.js";
import { readOnnx } from "../../src/onnx/index.js";
import {
  attribute,
  type Field,
  float,
  group,
  initializer,
  message,
  model,
  node,
  packed,
  raw,
  small,
  TYPES,
  text,
  value,
  varint,
} from "./bytes.js";

const constantOf = (graph: Graph, name: string): Value => {
  const found = graph.constants.find((constant) => constant.name === name);
  if (!found) throw new Error(`no constant ${name}`);
  return found;
};

/** The constant that an initialiser becomes. */
const read = (...fields: readonly Field[]): Value =>
  constantOf(readOnnx(model({ graph: [...small(), ...fields] })).graph, "c");

const int64s = (values: readonly number[]): Uint8Array => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);

describe("reading ONNX", () => {
  it("reads what a model of one node says", async () => {
    const { graph, metadata } = readOnnx(
      model({ graph: small({}, [2, 3]), extra: [message(14, text(1, "author"), text(2, "someone"))] }),
    );
    expect(graph.name).toBe("test");
    expect(metadata).toEqual({ author: "someone" });
    expect(graph.inputs.map(({ name, shape, dtype }) => [name, shape, dtype])).toEqual([["x", [2, 3], "float32"]]);
    expect([...graph.outputs.keys()]).toEqual(["y"]);
    expect([...floats(await evaluate(graph, { x: tensor([2, 3], [-1, 1, -2, 2, 0, 3]) }), "y")]).toEqual([
      0, 1, 0, 2, 0, 3,
    ]);
  });

  it.each<[string, DataType, number, Field, ArrayLike<number | bigint>]>([
    ["floats, packed", "float32", TYPES.float, packed(4, [1.5, -2], (w, v) => w.float(v)), [1.5, -2]],
    ["doubles", "float64", TYPES.double, packed(10, [1.5, Math.PI], (w, v) => w.double(v)), [1.5, Math.PI]],
    ["int32", "int32", TYPES.int32, packed(5, [7, -7], (w, v) => w.int32(v)), [7, -7]],
    ["int8", "int8", TYPES.int8, packed(5, [127, -128], (w, v) => w.int32(v)), [127, -128]],
    ["uint8", "uint8", TYPES.uint8, packed(5, [0, 255], (w, v) => w.int32(v)), [0, 255]],
    ["bool", "bool", TYPES.bool, packed(5, [0, 1], (w, v) => w.int32(v)), [0, 1]],
    ["float16", "float16", TYPES.float16, packed(5, [0x3c00, 0xbc00], (w, v) => w.int32(v)), [0x3c00, 0xbc00]],
    ["bfloat16", "bfloat16", TYPES.bfloat16, packed(5, [0x3f80, 0], (w, v) => w.int32(v)), [0x3f80, 0]],
    ["int64, packed", "int64", TYPES.int64, packed(7, [2 ** 40, -1], (w, v) => w.int64(v)), [BigInt(2 ** 40), -1n]],
    ["raw floats", "float32", TYPES.float, raw(9, new Uint8Array(Float32Array.of(1.5, -2).buffer)), [1.5, -2]],
    ["raw int64", "int64", TYPES.int64, raw(9, int64s([3, -4])), [3n, -4n]],
    ["raw bool", "bool", TYPES.bool, raw(9, Uint8Array.of(1, 0)), [1, 0]],
    ["raw float16", "float16", TYPES.float16, raw(9, Uint8Array.of(0, 0x3c, 1, 2)), [0x3c00, 0x0201]],
    ["raw doubles", "float64", TYPES.double, raw(9, new Uint8Array(Float64Array.of(Math.E, 0).buffer)), [Math.E, 0]],
  ])("reads a constant of %s", (_, dtype, type, data, values) => {
    const constant = read(initializer("c", type, [2], data));
    expect([constant.dtype, constant.shape]).toEqual([dtype, [2]]);
    expect(Array.from(constant.data as ArrayLike<number | bigint>)).toEqual(Array.from(values));
  });

  it("reads numbers that each have a field of their own, and mixtures", () => {
    const floatsApart = read(
      initializer(
        "c",
        TYPES.float,
        [3],
        float(4, 1),
        packed(4, [2], (w, v) => w.float(v)),
        float(4, 3),
      ),
    );
    expect([...(floatsApart.data as Float32Array)]).toEqual([1, 2, 3]);
    const longs = read(initializer("c", TYPES.int64, [2], varint(7, 5), varint(7, -6)));
    expect([...(longs.data as BigInt64Array)]).toEqual([5n, -6n]);
    const packedDimensions = read(
      message(
        5,
        packed(1, [1, 2], (w, v) => w.int64(v)),
        varint(2, TYPES.float),
        text(8, "c"),
        float(4, 1),
        float(4, 2),
      ),
    );
    expect(packedDimensions.shape).toEqual([1, 2]);
  });

  it("reads scalars and empty tensors", () => {
    expect(read(initializer("c", TYPES.float, [], float(4, 2))).data).toEqual(Float32Array.of(2));
    expect(read(initializer("c", TYPES.float, [0, 3])).data).toEqual(new Float32Array());
    expect(read(initializer("c", TYPES.int64, [0], raw(9, new Uint8Array()))).data).toEqual(new BigInt64Array());
  });

  it("doesn't read raw data out of place", () => {
    // The model's bytes begin at an odd address of a larger buffer.
    const bytes = model({
      graph: [...small(), initializer("c", TYPES.float, [1], raw(9, Uint8Array.of(0, 0, 128, 63)))],
    });
    const shifted = new Uint8Array(bytes.length + 3).subarray(3);
    shifted.set(bytes);
    const constant = constantOf(readOnnx(shifted).graph, "c");
    expect(constant.data).toEqual(Float32Array.of(1));
    shifted.fill(0);
    expect(constant.data).toEqual(Float32Array.of(1));
    // Slices of Node's Buffer are views.
    expect(constantOf(readOnnx(Buffer.from(bytes)).graph, "c").data).toEqual(Float32Array.of(1));
  });

  it("reads attributes packed and unpacked, constants as nodes, names left out", () => {
    const kernel = attribute(
      "kernel_shape",
      7,
      packed(8, [2, 2], (w, v) => w.int64(v)),
    );
    const strides = attribute("strides", 7, varint(8, 2), varint(8, 1));
    const { graph } = readOnnx(
      model({
        graph: [
          node({
            operator: "Constant",
            inputs: [],
            outputs: ["low"],
            attributes: [
              message(5, text(1, "value"), message(5, varint(2, TYPES.float), float(4, 0.5)), varint(20, 4)),
            ],
          }),
          node({ operator: "MaxPool", outputs: ["pooled"], attributes: [kernel, strides] }),
          node({ operator: "Clip", inputs: ["pooled", "", "low"] }),
          value(11, "x", [1, 1, 4, 4]),
          value(12, "y", []),
        ],
      }),
    );
    const [pool, clip] = graph.nodes;
    expect(pool?.attributes).toEqual({
      kernel_shape: { kind: "ints", value: [2, 2] },
      strides: { kind: "ints", value: [2, 1] },
    });
    expect(pool?.outputs.map(({ name, shape }) => [name, shape])).toEqual([["pooled", [1, 1, 2, 3]]]);
    expect(clip?.inputs.map((input) => input?.name)).toEqual(["pooled", undefined, "low"]);
  });

  it.each<[string, Field, DataType, number[], number[]]>([
    ["value_float", attribute("value_float", 1, float(2, 0.5)), "float32", [], [0.5]],
    ["value_floats", attribute("value_floats", 6, float(7, 0.5), float(7, -1)), "float32", [2], [0.5, -1]],
    ["value_int", attribute("value_int", 2, varint(3, 7)), "int64", [], [7]],
    ["value_ints", attribute("value_ints", 7, varint(8, 7), varint(8, -8)), "int64", [2], [7, -8]],
  ])("reads a constant's %s", (_, held, dtype, shape, numbers) => {
    const constant = node({ operator: "Constant", inputs: [], outputs: ["c"], attributes: [held] });
    const { graph } = readOnnx(model({ graph: [constant, ...small()] }));
    const { data, ...type } = constantOf(graph, "c");
    expect([type.dtype, type.shape]).toEqual([dtype, shape]);
    expect(Array.from<number | bigint, number>(data as Float32Array, Number)).toEqual(numbers);
  });

  it("computes what nodes make of constants, and leaves sizes to be computed", () => {
    const weight = initializer("w", TYPES.float, [1, 2], float(4, 1), float(4, -3));
    const { graph } = readOnnx(
      model({
        graph: [
          node({ operator: "Transpose", inputs: ["w"], outputs: ["turned"] }),
          node({ operator: "Abs", inputs: ["turned"], outputs: ["positive"] }),
          node({ operator: "Shape", inputs: ["x"], outputs: ["size"] }),
          node({ operator: "ConstantOfShape", inputs: ["size"], outputs: ["zeros"] }),
          node({ operator: "MatMul", inputs: ["zeros", "positive"] }),
          value(11, "x", [3, 2]),
          value(12, "y", [3, 1]),
          weight,
        ],
      }),
    );
    expect(constantOf(graph, "positive").data).toEqual(Float32Array.of(1, 3));
    expect(constantOf(graph, "positive").shape).toEqual([2, 1]);
    expect(graph.nodes.map(({ operator }) => operator.name)).toEqual(["Shape", "Expand", "MatMul"]);
    expect(graph.nodes.map(({ outputs }) => outputs[0]?.known)).toEqual([
      BigInt64Array.of(3n, 2n),
      new Float32Array(6),
      undefined,
    ]);
  });

  it("computes no more than a few times what the file holds", () => {
    const doubled = Array.from({ length: 40 }, (_, i) =>
      node({
        operator: "Concat",
        inputs: [`c${i}`, `c${i}`],
        outputs: [`c${i + 1}`],
        attributes: [attribute("axis", 2)],
      }),
    );
    const first = initializer("c0", TYPES.float, [1024], raw(9, new Uint8Array(4096)));
    const before = process.memoryUsage().rss;
    expect(() => readOnnx(model({ graph: [first, ...doubled, ...small()] }))).not.toThrow();
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6);
  });

  it("states a kernel that a convolution leaves to its weight", () => {
    const weight = initializer("w", TYPES.float, [1, 1, 2, 3], raw(9, new Uint8Array(24)));
    const parts = { operator: "Conv", inputs: ["x", "w"] };
    const { graph } = readOnnx(
      model({ graph: [node(parts), value(11, "x", [1, 1, 4, 4]), value(12, "y", []), weight] }),
    );
    expect(graph.nodes[0]?.attributes.kernel_shape).toEqual({ kind: "ints", value: [2, 3] });
  });

  it("takes initialisers that are listed as inputs too, and what it doesn't know", () => {
    const { graph } = readOnnx(
      model({
        graph: small(
          { operator: "Add", inputs: ["x", "c"] },
          [2],
          [
            value(11, "c", [2]),
            initializer("c", TYPES.float, [2], float(4, 1), float(4, 2), text(12, "a note")),
            text(10, "a note"),
            group(99, varint(1, 5), group(3)),
          ],
        ),
        extra: [text(6, "a note"), varint(5, 3)],
      }),
    );
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x"]);
  });

  it("gives open sizes their values", () => {
    const bytes = model({ graph: small({}, ["batch", 3, "height", "height"]) });
    expect(readOnnx(bytes, { sizes: { batch: 2, height: 5 } }).graph.inputs[0]?.shape).toEqual([2, 3, 5, 5]);
    expect(() => readOnnx(bytes, { sizes: { batch: 2 } })).toThrow(OnnxError);
    expect(() => readOnnx(bytes, { sizes: { batch: 2 } })).toThrow('input x: size "height" is open; give it a value');
    expect(() => readOnnx(bytes, { sizes: { batch: -1, height: 1 } })).toThrow(OnnxError);
  });

  it("gives open sizes without names their values by place", () => {
    const bytes = model({ graph: small({}, ["", 3, "", ""]) });
    const sizes = (_: string, axis: number) => [1, 3, 5, 7][axis];
    expect(readOnnx(bytes, { sizes }).graph.inputs[0]?.shape).toEqual([1, 3, 5, 7]);
    expect(() => readOnnx(bytes, { sizes: () => undefined })).toThrow('input x: size "" is open; give it a value');
  });

  it.each([7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22])("reads opset %i", (version) => {
    expect(readOnnx(model({ opsets: [["", version]], graph: small() })).graph.nodes).toHaveLength(1);
    expect(readOnnx(model({ opsets: [["ai.onnx", version]], graph: small() })).graph.nodes).toHaveLength(1);
  });

  it("reads contributed operators of the engine", () => {
    const graph = [
      node({ operator: "FusedMatMul", inputs: ["x", "x"], domain: "com.microsoft" }),
      value(11, "x", [2, 2]),
      value(12, "y", [2, 2]),
    ];
    const read = readOnnx(
      model({
        opsets: [
          ["", 17],
          ["com.microsoft", 1],
        ],
        graph,
      }),
    ).graph;
    expect(read.nodes[0]?.operator.domain).toBe("com.microsoft");
  });
});
