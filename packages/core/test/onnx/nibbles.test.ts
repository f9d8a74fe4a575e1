import { expect, it } from "vitest";
import { floats } from "../../../../test/support/engine.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { createSession } from "../../../upscaler/src/node/session.js";
import { Graph } from "../../src/graph/index.js";
import { decodeOnnx } from "../../src/onnx/codec.js";
import { readOnnx, writeOnnx } from "../../src/onnx/index.js";
import { packNibbles, unpackNibbles } from "../../src/onnx/nibbles.js";
import { add, cast, reduceMean } from "../../src/operators/index.js";

const ALL = Int8Array.from({ length: 15 }, (_, i) => i - 8);

it("packs two a byte, the first in the lower half, as ONNX says", () => {
  expect([...packNibbles(Int8Array.of(1, -2, 7))]).toEqual([0xe1, 0x07]);
  expect(unpackNibbles(packNibbles(ALL), ALL.length)).toEqual(ALL);
});

/** y = mean of x + codes */
function network(): Graph {
  const graph = new Graph("packed");
  const codes = graph.constant(ALL, [15], { name: "codes", dtype: "int4" });
  const x = graph.input("x", [1, 3, 15]);
  graph.output("y", add(reduceMean(x, { axes: [1] }), cast(codes, "float32")));
  return graph;
}

it("writes int4 in opset 21, with the axes of reductions as it has them, for engines and for itself", async () => {
  const onnx = writeOnnx(network());
  const { graph, opsets } = decodeOnnx(onnx);
  expect(opsets).toEqual([{ domain: "", version: 21 }]);
  expect(graph?.initializers.find(({ name }) => name === "codes")?.raw).toHaveLength(8);
  const x = float32(
    Float32Array.from({ length: 45 }, (_, i) => i),
    [1, 3, 15],
  );
  const expected = Array.from(ALL, (code, i) => i + 15 + code);
  for (const model of [onnx, writeOnnx(readOnnx(onnx).graph)]) {
    const session = await createSession(model, { threads: 1, spinning: false });
    expect([...floats((await session.run({ x })).outputs, "y")]).toEqual(expected);
    await session.close();
  }
});

it("refuses bytes that don't hold as many", () => {
  const onnx = writeOnnx(network());
  const at = onnx.findIndex((_, i) => packNibbles(ALL).every((byte, j) => onnx[i + j] === byte));
  // One byte less, and the tensor's and the graph's lengths with it, would be a file of its own: the count is changed instead.
  const dims = onnx.lastIndexOf(15, at);
  onnx[dims] = 17;
  expect(() => readOnnx(onnx)).toThrow(/codes: 8 bytes don't hold 17 elements of int4/);
});
