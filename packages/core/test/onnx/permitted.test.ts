import { describe, expect, it } from "vitest";
import { OnnxError } from "../../src/errors.js";
import { readOnnx } from "../../src/onnx/index.js";
import { readPermitted } from "../../src/onnx/permitted.js";
import { PERMITTED_OPERATORS } from "../../src/onnx/permitted-operators.js";
import { OPERATORS } from "../../src/operators/index.js";
import {
  attribute,
  encode,
  type Field,
  group,
  initializer,
  message,
  model,
  node,
  small,
  TYPES,
  text,
  varint,
} from "./bytes.js";

const NCHWC = "com.microsoft.nchwc";
const blocked = node({ operator: "Conv", domain: NCHWC });
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
const call = (name: string): Field => node({ operator: name, domain: "own" });
const subgraph = (...nodes: Field[]): Field => attribute("then_branch", 5, message(6, ...nodes));

describe("what an engine must not be handed", () => {
  it.each<[string, Uint8Array, RegExp]>([
    [
      "an operator of the engine's own",
      model({ graph: [...small(), blocked] }),
      /Conv \(output y\): operators of domain com.microsoft.nchwc/,
    ],
    [
      "several, each told once",
      model({
        graph: ["Own", "Other", "Relu", "Other", "Third"].map((operator) => node({ operator, outputs: [operator] })),
      }),
      /^Own \(output Own\): operator Own is not supported; nor are Other \(2 nodes\), Third; export the model/,
    ],
    ["another", model({ graph: small({ operator: "QMoE", domain: "com.microsoft" }) }), /domain com.microsoft are not/],
    [
      "what the engine keeps beside the standard's",
      model({ graph: small({ operator: "MemcpyToHost" }) }),
      /MemcpyToHost is not/,
    ],
    [
      "one in a subgraph",
      model({ graph: small({ operator: "If", attributes: [subgraph(blocked)] }) }),
      /domain com.microsoft.nchwc/,
    ],
    [
      "one in a subgraph's subgraph",
      model({
        graph: small({
          operator: "If",
          attributes: [subgraph(node({ operator: "If", attributes: [subgraph(blocked)] }))],
        }),
      }),
      /domain com.microsoft.nchwc/,
    ],
    [
      "one in a list of graphs",
      model({ graph: small({ attributes: [attribute("graphs", 10, message(11, blocked))] }) }),
      /domain com.microsoft.nchwc/,
    ],
    [
      "one in a function",
      model({ graph: [...small(), call("f")], extra: [definition("own", "f", blocked)] }),
      /domain com.microsoft.nchwc/,
    ],
    [
      "a function that is called as an operator of the engine's",
      model({ graph: [...small(), blocked], extra: [definition(NCHWC, "Conv", plain)] }),
      /function Conv is defined in domain com.microsoft.nchwc, which is an engine's/,
    ],
    [
      "an operator in the first part of a graph that comes in two",
      encode(varint(1, 8), message(8, varint(2, 17)), message(7, blocked), message(7, text(2, "test"), ...small())),
      /domain com.microsoft.nchwc/,
    ],
    [
      "an operator in the first part of a subgraph that comes in two",
      model({
        graph: small({
          operator: "If",
          attributes: [attribute("then_branch", 5, message(6, blocked), message(6, plain))],
        }),
      }),
      /domain com.microsoft.nchwc/,
    ],
    [
      "a domain that is said again in a field that the engine skips",
      model({
        graph: [
          ...small(),
          message(
            1,
            text(4, "Conv"),
            text(7, NCHWC),
            (writer) => void writer.tag(7, 1).raw(Buffer.from("\x07ai.onnx")),
          ),
        ],
      }),
      /wire type 1, not 2/,
    ],
    [
      "a node within a field that the engine skips",
      model({
        graph: [
          (writer) => {
            const hidden = encode(blocked);
            writer.tag(1, 0).uint32(hidden.length).raw(hidden);
          },
          ...small(),
        ],
      }),
      /wire type 0, not 2/,
    ],
    [
      "a division by no groups",
      model({ graph: small({ operator: "ConvTranspose", attributes: [attribute("group", 2, varint(3, 0))] }) }),
      /0 groups; expected 1 or more/,
    ],
    [
      "data in another file, in a subgraph",
      model({
        graph: small({ operator: "If", attributes: [subgraph(initializer("c", TYPES.float, [2], varint(14, 1)))] }),
      }),
      /tensor c lies in another file/,
    ],
    [
      "data in another file, in a constant",
      model({
        graph: [
          ...small(),
          node({
            operator: "Constant",
            inputs: [],
            outputs: ["c"],
            attributes: [attribute("value", 4, message(5, varint(14, 1)))],
          }),
        ],
      }),
      /tensor c lies in another file/,
    ],
    ["sparse initialisers", model({ graph: [...small(), message(15, varint(3, 1e12))] }), /sparse initialisers/],
    [
      "a sparse constant",
      model({ graph: small({ operator: "Constant", attributes: [attribute("sparse_value", 11, message(22))] }) }),
      /sparse tensor/,
    ],
    [
      "the engine's own format, whatever else it is",
      encode((writer) => void writer.tag(1, 0).uint32(8).tag(2, 2).bytes(new Uint8Array()).raw(Buffer.from("ORTM"))),
      /ONNX Runtime's own format/,
    ],
  ])("%s", (_, bytes, expected) => {
    expect(() => readPermitted(bytes)).toThrow(OnnxError);
    expect(() => readPermitted(bytes)).toThrow(expected);
    expect(() => readOnnx(bytes)).toThrow(expected);
  });

  it.each<[string, Uint8Array]>([
    ["more axes than tensors have", model({ graph: small({}, Array(3000).fill(1)) })],
    ["an input of any size", model({ graph: small({}, ["N", 1e8, 40, 40]) })],
    ["a fixed image of any size", model({ graph: small({}, [1, 3, 40_000, 40_000]) })],
    ["a weight beside a size of 0", model({ graph: [...small(), initializer("w", TYPES.float, [5e9, 0, 1, 1])] })],
    [
      "one in a subgraph",
      model({ graph: small({ operator: "If", attributes: [subgraph(initializer("w", TYPES.float, [5e9, 0]))] }) }),
    ],
    [
      "one in a function",
      model({
        graph: [...small(), call("f")],
        extra: [
          definition(
            "own",
            "f",
            node({
              operator: "Constant",
              attributes: [attribute("value", 4, message(5, varint(1, 5e9), varint(1, 0)))],
            }),
          ),
        ],
      }),
    ],
  ])("%s", (_, bytes) => {
    expect(() => readPermitted(bytes)).toThrow(/claims .* more than the 268435456 elements|has 3000 axes; up to 16/);
  });

  it("functions that multiply, or call themselves", () => {
    const doubling = (count: number) =>
      Array.from({ length: count }, (_, i) =>
        definition("own", `f${i}`, ...Array(2).fill(i === 0 ? plain : call(`f${i - 1}`))),
      );
    expect(readPermitted(model({ graph: [...small(), call("f9")], extra: doubling(10) })).functions).toHaveLength(10);
    const start = performance.now();
    for (const count of [17, 300]) {
      const bytes = model({ graph: [...small(), call(`f${count - 1}`)], extra: doubling(count) });
      expect(() => readPermitted(bytes)).toThrow("more than the 100000 nodes that are run");
    }
    const circle = model({
      graph: [...small(), call("f")],
      extra: [definition("own", "f", call("g")), definition("own", "g", call("f"))],
    });
    expect(() => readPermitted(circle)).toThrow("more than the 100000 nodes");
    expect(performance.now() - start).toBeLessThan(2000);
  });
});

describe("what is permitted", () => {
  it("is whatever graphs here are written with", () => {
    const written = OPERATORS.filter(({ decompose, domain }) => !decompose && domain !== "slimsr");
    expect(written.length).toBeGreaterThan(50);
    for (const { domain, name } of written) expect(PERMITTED_OPERATORS).toContain(`${domain}:${name}`);
  });

  it("are ONNX's operators under both its names, functions of the file's own, and fields that nobody knows", () => {
    const graph = [...small({ domain: "ai.onnx" }), call("f"), group(99, varint(1, 2))];
    expect(readPermitted(model({ graph, extra: [definition("own", "f", plain)] })).graph.nodes).toHaveLength(2);
  });
});
