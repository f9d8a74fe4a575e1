import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { OnnxError } from "../../src/errors.js";
import { Graph, type Value } from "../../src/graph/index.js";
import { readOnnx, writeOnnx } from "../../src/onnx/index.js";
import {
  concat,
  conv,
  matMul,
  maxPool,
  pixelShuffle,
  reduceSum,
  relu,
  reshape,
  slice,
  split,
  transpose,
} from "../../src/operators/index.js";

function model(): Uint8Array {
  const graph = new Graph("victim");
  const r = new Random(1);
  const image = graph.input("image", [1, 3, 4, 4]);
  const weight = graph.constant(r.floats(8 * 27), [8, 3, 3, 3]);
  const features = relu(conv(image, weight, graph.constant(r.floats(8), [8]), { pads: [1, 1, 1, 1] }));
  const { output, indices } = maxPool(features, [2, 2], { strides: [2, 2] });
  const [first, second] = split(pixelShuffle(concat([output, output], 1), 2), [1, 3], 1) as [Value, Value];
  graph.output("product", matMul(reshape(first, [4, 4]), transpose(reshape(first, [4, 4]), [1, 0])));
  graph.output("sliced", slice(second, [{ axis: 1, start: 0, end: 2 }]));
  graph.output("sum", reduceSum(second, { axes: [1, -1], keep: true }));
  graph.output("indices", indices);
  return writeOnnx(graph, { metadata: { scale: "2" }, dynamicAxes: { image: { 2: "height" } } });
}

const KINDS = ["bit", "byte", "truncation", "removal", "repetition", "long number", "swap"] as const;

function damage(whole: Uint8Array, r: Random): { bytes: Uint8Array; kind: string } {
  const kind = r.pick(KINDS);
  const bytes = whole.slice();
  const at = r.integer(0, bytes.length - 1);
  const end = Math.min(bytes.length, at + r.integer(1, 40));
  const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
  switch (kind) {
    case "bit":
      for (let i = 0; i < r.integer(1, 8); i++) {
        const index = r.integer(0, bytes.length - 1);
        bytes[index] = (bytes[index] as number) ^ (1 << r.integer(0, 7));
      }
      return { kind, bytes };
    case "byte":
      bytes[at] = r.integer(0, 255);
      return { kind, bytes };
    case "truncation":
      return { kind, bytes: bytes.subarray(0, at) };
    case "removal":
      return { kind, bytes: join(bytes.subarray(0, at), bytes.subarray(end)) };
    case "repetition":
      return { kind, bytes: join(bytes.subarray(0, end), bytes.subarray(at)) };
    case "long number":
      // A length or size of up to 2^63.
      bytes.fill(0xff, at, Math.min(at + r.integer(3, 9), bytes.length));
      return { kind, bytes };
    case "swap":
      bytes.copyWithin(at, r.integer(0, bytes.length - 1), end);
      return { kind, bytes };
  }
}

describe("damaged models", () => {
  it("are read or refused, in little time and memory, and what is read can be written", () => {
    const whole = model();
    expect(readOnnx(whole, { sizes: { height: 4 } }).graph.nodes.length).toBeGreaterThan(10);
    const r = new Random(2024);
    const outcomes = { read: 0, refused: 0 };
    let [slowest, peak] = [0, 0];
    const start = process.memoryUsage().rss;
    for (let i = 0; i < 3000; i++) {
      const { bytes, kind } = damage(whole, r);
      const began = performance.now();
      try {
        const { graph, metadata } = readOnnx(bytes, { sizes: { height: 4 } });
        outcomes.read++;
        const written = writeOnnx(graph, { metadata });
        expect(Buffer.compare(writeOnnx(readOnnx(written).graph, { metadata }), written)).toBe(0);
      } catch (error) {
        if (!(error instanceof OnnxError)) throw new Error(`damage ${i} (${kind}) ends in ${error}`, { cause: error });
        expect(error.message).not.toBe("");
        outcomes.refused++;
      }
      slowest = Math.max(slowest, performance.now() - began);
      if (i % 50 === 0) peak = Math.max(peak, process.memoryUsage().rss - start);
    }
    // Bits of weights and names may change unnoticed; most other damage must not.
    expect(outcomes.read).toBeGreaterThan(100);
    expect(outcomes.refused).toBeGreaterThan(1000);
    expect(slowest).toBeLessThan(2000);
    expect(peak).toBeLessThan(500e6);
  });

  it("are refused wherever they end", () => {
    const whole = writeOnnx(readOnnx(model(), { sizes: { height: 4 } }).graph);
    let read = 0;
    for (let length = 0; length < whole.length; length++) {
      try {
        readOnnx(whole.subarray(0, length));
        read++;
      } catch (error) {
        expect(error).toBeInstanceOf(OnnxError);
      }
    }
    // Nothing but the last of the operator sets may be missing.
    expect(read).toBeLessThan(3);
  });
});
