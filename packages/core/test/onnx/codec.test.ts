import { describe, expect, it } from "vitest";
import { OnnxError } from "../../src/errors.js";
import { Graph } from "../../src/graph/index.js";
import { decodeOnnx, encodeOnnx } from "../../src/onnx/codec.js";

const identity = (): Graph => {
  const graph = new Graph("identity");
  graph.output("y", graph.input("x", [1, 3]));
  return graph;
};

describe("the ONNX codec by itself", () => {
  it("decodes what it encodes, message by message", () => {
    const { graph, opsets, metadata } = decodeOnnx(
      encodeOnnx(identity(), { metadata: { made: "here" }, dynamicAxes: { x: { 0: "batch" } } }),
    );
    expect(graph?.nodes).toMatchObject([{ operator: "Identity", inputs: ["x"], outputs: ["y"] }]);
    expect(graph?.inputs).toEqual([{ name: "x", element: 1, shape: ["batch", 3] }]);
    expect(graph?.outputs).toEqual([{ name: "y", element: 1, shape: [1, 3] }]);
    expect(opsets).toEqual([{ domain: "", version: 17 }]);
    expect(metadata).toEqual({ made: "here" });
  });

  it("says of damaged bytes that they are", () => {
    const bytes = encodeOnnx(identity());
    for (const damaged of [bytes.subarray(0, -3), Uint8Array.of(0xff, 0xff, 0xff), Uint8Array.of(0x0f)]) {
      expect(() => decodeOnnx(damaged)).toThrow(OnnxError);
    }
  });
});
