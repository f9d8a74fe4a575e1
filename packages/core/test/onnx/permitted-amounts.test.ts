import { describe, expect, it } from "vitest";
import { readOnnx } from "../../src/onnx/index.js";
import { readPermitted } from "../../src/onnx/permitted.js";
import {
  attribute,
  encode,
  type Field,
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

const plain = node({ operator: "Relu" });

/** FunctionProto in a model. */
const definition = (domain: string, name: string, ...nodes: Field[]): Field =>
  message(25, text(1, name), text(10, domain), text(4, "x"), text(5, "y"), ...nodes.map(inFunction));
/** A node is field 1 of a graph and field 7 of a function. */
const inFunction =
  (field: Field): Field =>
  (writer) => {
    const bytes = encode(field);
    bytes[0] = (7 << 3) | 2;
    writer.raw(bytes);
  };

describe("messages without number", () => {
  it("nodes of nothing", () => {
    const empty = new Uint8Array(1e6).map((_, i) => (i % 2 === 0 ? (1 << 3) | 2 : 0));
    const before = process.memoryUsage().rss;
    expect(() => readPermitted(encode(raw(7, empty)))).toThrow("more than the 262144 messages that are read");
    expect(process.memoryUsage().rss - before).toBeLessThan(1e9);
  });

  it("functions of one name", () => {
    const start = performance.now();
    const overloads = Array.from({ length: 50_000 }, () => definition("own", "f", plain));
    expect(readPermitted(model({ graph: small(), extra: overloads })).functions).toHaveLength(50_000);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

describe("channels that no byte stands for", () => {
  it.each<[string, Uint8Array]>([
    [
      "of the image",
      model({ graph: [node({ operator: "Relu" }), value(11, "x", ["n", 5e6, "h", "w"]), value(12, "y", [])] }),
    ],
    [
      "of a layer without inputs",
      model({
        graph: [
          node({ operator: "Conv", inputs: ["x", "w"] }),
          ...[value(11, "x", ["n", 0, "h", "w"]), value(12, "y", []), initializer("w", TYPES.float, [3e7, 0, 1, 1])],
        ],
      }),
    ],
    [
      "of images joined with themselves",
      model({
        graph: [
          ...Array.from({ length: 21 }, (_, i) =>
            node({
              ...{ operator: "Concat", inputs: [`x${i}`, `x${i}`], outputs: [`x${i + 1}`] },
              attributes: [attribute("axis", 2, varint(3, 1))],
            }),
          ),
          ...[value(11, "x0", ["n", 3, "h", "w"]), value(12, "x21", [])],
        ],
      }),
    ],
  ])("%s", (_, bytes) => {
    const start = performance.now();
    expect(() => readOnnx(bytes, { sizes: { n: 1, h: 1, w: 1 } })).toThrow(
      "more than the 4194304 channels that are read",
    );
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("axes that are made of nothing", () => {
    const axes = BigInt64Array.from({ length: 300_000 }, (_, i) => BigInt(i));
    const bytes = model({
      graph: [
        ...small({ operator: "Unsqueeze", inputs: ["x", "a"] }),
        initializer("a", TYPES.int64, [axes.length], raw(9, new Uint8Array(axes.buffer))),
      ],
    });
    const start = performance.now();
    expect(() => readOnnx(bytes)).toThrow("y has 300001 axes; up to 16 are read");
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
