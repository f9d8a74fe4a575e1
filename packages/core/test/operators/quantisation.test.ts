import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { Graph, int, type Value } from "../../src/graph/index.js";
import { DequantizeLinear, dequantizeLinear, QuantizeLinear, quantizeLinear } from "../../src/operators/index.js";
import * as family from "../../src/operators/quantisation.js";
import { onGrid } from "../../src/quantisation/integers.js";
import { testShapes, type Writer } from "./shapes.js";

const scales = (w: Writer, count: number): Value =>
  w.graph.constant(new Float32Array(count).fill(0.5), count === 1 ? [] : [count]);
const codes = (w: Writer, shape: readonly number[]): Value =>
  quantizeLinear(w.input(shape), scales(w, 1), w.graph.constant(Uint8Array.of(3), []));

testShapes(
  family,
  {
    QuantizeLinear: [
      (w, operator) => w.apply(operator, [w.input([1, 2, 3, 4]), scales(w, 1), w.graph.constant(Int8Array.of(3), [])]),
      (w, operator) => w.apply(operator, [w.input([1, 2, 3, 4]), scales(w, 1)]),
      (w, operator) =>
        w.apply(operator, [w.input([4, 2]), scales(w, 4), w.graph.constant(new Uint8Array(4), [4])], { axis: int(0) }),
    ],
    DequantizeLinear: [
      (w, operator) =>
        w.apply(operator, [codes(w, [1, 2, 3, 4]), scales(w, 1), w.graph.constant(Uint8Array.of(3), [])]),
      (w, operator) => w.apply(operator, [codes(w, [2, 3]), scales(w, 3)], { axis: int(-1) }),
    ],
  },
  [
    [
      "scales that aren't along the axis",
      (w) => w.apply(QuantizeLinear, [w.input([1, 2, 3, 4]), scales(w, 3), w.graph.constant(new Uint8Array(3), [3])]),
      /^QuantizeLinear\(.*3 scales don't run along the axis/,
    ],
    [
      "zero points of another type",
      (w) => w.apply(DequantizeLinear, [codes(w, [2, 2]), scales(w, 1), w.graph.constant(Int8Array.of(0), [])]),
      /^DequantizeLinear\(.*its zero point is of another type/,
    ],
    [
      "other counts",
      (w) => w.apply(QuantizeLinear, [w.input([2]), scales(w, 1), w.graph.constant(new Uint8Array(2), [2])]),
      /as many zero points as scales are needed/,
    ],
  ],
);

describe("rounding to integers", () => {
  it("is the engine's: halves to even, cut off at both ends", async () => {
    const numbers = [-300, -1, -0.75, -0.25, 0, 0.25, 0.75, 1.25, 1.2, 63.9, 64, 1000];
    const [scale, zeroPoint] = [0.5, 7];
    const graph = new Graph("grid");
    const [step, zero] = [graph.scalar(scale), graph.constant(Uint8Array.of(zeroPoint), [])];
    const x = graph.input("x", [numbers.length]);
    graph.output("y", dequantizeLinear(quantizeLinear(x, step, zero), step, zero));
    const outputs = await evaluate(graph, { x: tensor([numbers.length], numbers) });
    expect([...onGrid(Float32Array.from(numbers), { scale, zeroPoint })]).toEqual([...floats(outputs, "y")]);
  });

  it("of constants is undone when they are read", () => {
    const graph = new Graph("weights");
    const weights = graph.constant(Int8Array.of(1, -2, 3, 127), [2, 2]);
    const each = graph.constant(Float32Array.of(0.5, 2), [2]);
    const none = graph.constant(new Int8Array(2), [2]);
    expect([...(dequantizeLinear(weights, each, none, 0).known ?? [])]).toEqual([0.5, -1, 6, 254]);
    expect([...(dequantizeLinear(weights, each, none, 1).known ?? [])]).toEqual([0.5, -4, 1.5, 254]);
  });
});
