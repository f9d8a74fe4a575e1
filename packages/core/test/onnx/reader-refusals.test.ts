import { describe, expect, it } from "vitest";
import { OnnxError } from "../../src/errors.js";
import { readOnnx } from "../../src/onnx/index.js";
import {
  attribute,
  encode,
  type Field,
  float,
  initializer,
  message,
  model,
  node,
  raw,
  small,
  TYPES,
  text,
  value,
  varint,
} from "./bytes.js";

describe("models that are refused", () => {
  const tensorWith = (...fields: readonly Field[]) =>
    model({ graph: [...small(), initializer("c", TYPES.float, [2], ...fields)] });

  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(), /holds no graph: is it an ONNX model\?/],
    [
      "text",
      new TextEncoder().encode("hello world, this is not a model"),
      /damaged or not an ONNX model|holds no graph/,
    ],
    [
      "an image",
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13),
      /damaged or not|truncated/,
    ],
    ["a graph that is missing", encode(varint(1, 8), message(8, varint(2, 17))), /holds no graph/],
    ["opset 6", model({ opsets: [["", 6]], graph: small() }), /has opset 6; 7 to 22 are read: export it again/],
    ["opset 23", model({ opsets: [["", 23]], graph: small() }), /has opset 23; 7 to 22/],
    ["no opset", model({ opsets: [], graph: small() }), /has opset none/],
    ["no outputs", model({ graph: [node({ operator: "Relu" }), value(11, "x", [2])] }), /has no outputs/],
    [
      "an output that nothing makes",
      model({ graph: [...small(), value(12, "z", [2])] }),
      /output z is made by no node/,
    ],
    [
      "another domain",
      model({ graph: small({ domain: "com.example" }) }),
      /Relu \(output y\): operators of domain com\.example are not supported/,
    ],
    ["our own domain", model({ graph: small({ operator: "StopGradient", domain: "slimsr" }) }), /domain slimsr/],
    ["another operator", model({ graph: small({ operator: "Loop" }) }), /operator Loop is not supported/],
    [
      "several operators",
      model({ graph: ["Loop", "Scan", "Loop"].map((operator) => node({ operator, outputs: [operator] })) }),
      /operators Loop \(2 nodes\), Scan are not supported/,
    ],
    ["operands that don't fit", model({ graph: small({ operator: "Gemm", inputs: ["x", "x"] }) }), /Gemm\(x \[2\]/],
    [
      "an input from nowhere",
      model({ graph: small({ inputs: ["z"] }) }),
      /Relu \(output y\): input z is made by no earlier/,
    ],
    ["a circle", model({ graph: small({ inputs: ["y"] }) }), /input y is made by no earlier node/],
    ["a name twice", model({ graph: small({ outputs: ["x"] }) }), /two values named x/],
    ["an output too many", model({ graph: small({ outputs: ["y", "z"] }) }), /more outputs than the operator has/],
    [
      "an output without a name",
      model({ graph: small({ operator: "MaxPool", outputs: ["", "y"], attributes: [attribute("kernel_shape", 7)] }) }),
      /outputs before the last must have names/,
    ],
    ["an input without a shape", model({ graph: [...small(), message(11, text(1, "z"))] }), /input z has no shape/],
    ["an input of strings", model({ graph: [...small(), value(11, "z", [1], 8)] }), /input z has element type 8/],
    ["an input of negative size", model({ graph: small({}, [-1]) }), /\[-1\] is not a shape/],
    [
      "a subgraph",
      model({ graph: small({ attributes: [attribute("body", 5, message(6))] }) }),
      /attribute body has type 5, which is not supported/,
    ],
    [
      "a constant without its tensor",
      model({
        graph: small({ operator: "Constant", inputs: [], attributes: [attribute("value", 1, float(2, 1))] }),
      }),
      /a constant without a tensor/,
    ],
    [
      "data in another file",
      tensorWith(message(13, text(1, "location"), text(2, "/etc/passwd")), varint(14, 1)),
      /tensor c lies in another file; save the model as one file/,
    ],
    ["data said to lie in another file", tensorWith(varint(14, 1)), /tensor c lies in another file/],
    ["too little data", tensorWith(float(4, 1)), /tensor c: 1 of 2 elements are there/],
    ["no data", tensorWith(), /tensor c: 0 of 2 elements are there/],
    [
      "too little raw data",
      tensorWith(raw(9, new Uint8Array(7))),
      /tensor c: 7 bytes don't hold 2 elements of float32/,
    ],
    [
      "a tensor of another type",
      model({ graph: [...small(), initializer("c", 8, [1], text(6, "a"))] }),
      /tensor c has element type 8, which is not supported/,
    ],
    [
      "halves of integers",
      model({ graph: [...small(), initializer("c", TYPES.int64, [1], float(4, 0.5))] }),
      /damaged or not an ONNX model/,
    ],
    [
      "negative sizes whose product is right",
      model({ graph: [...small(), initializer("c", TYPES.float, [-1, -2], float(4, 1), float(4, 2))] }),
      /\[-1, -2\] is not a shape/,
    ],
    [
      "more elements than there can be",
      model({ graph: [...small(), initializer("c", TYPES.float, [2 ** 31, 2 ** 31, 2 ** 31], float(4, 1))] }),
      /tensor c claims \[2147483648, .* more than the 268435456 elements/,
    ],
    [
      "groups a hundred thousand deep",
      encode(...Array<Field>(100_000).fill((w) => void w.uint32((99 << 3) | 3))),
      /damaged/,
    ],
  ])("%s", (_, bytes, expected) => {
    expect(() => readOnnx(bytes)).toThrow(OnnxError);
    expect(() => readOnnx(bytes)).toThrow(expected);
  });

  it.each([7, 8, 14, 2])("field %i that claims four gigabytes", (number) => {
    const bytes = Uint8Array.of((number << 3) | 2, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3);
    const before = process.memoryUsage().rss;
    expect(() => readOnnx(bytes)).toThrow(OnnxError);
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6);
  });

  it.each([
    ["a tensor's numbers", (claim: Field) => initializer("c", TYPES.float, [2 ** 30], claim), 4],
    ["a tensor's bytes", (claim: Field) => initializer("c", TYPES.float, [2 ** 28], claim), 9],
  ])("%s that aren't there", (_, tensorOf, field) => {
    const claim: Field = (writer) => void writer.tag(field, 2).uint32(2 ** 30);
    const before = process.memoryUsage().rss;
    expect(() => readOnnx(model({ graph: [...small(), tensorOf(claim)] }))).toThrow(OnnxError);
    expect(process.memoryUsage().rss - before).toBeLessThan(50e6);
  });
});
