import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { LOWERINGS } from "../../../../test/support/lowerings.js";
import { Random } from "../../../../test/support/random.js";
import { differentiate } from "../../src/differentiate/index.js";
import { elements, Graph, int, type Shape, type Value } from "../../src/graph/index.js";
import {
  DequantizeLinear,
  dequantizeLinear,
  type FakeQuantisationOptions,
  FakeQuantise,
  fakeQuantise,
  mul,
  QuantizeLinear,
  quantizeLinear,
  reduceSum,
} from "../../src/operators/index.js";
import * as family from "../../src/operators/quantisation.js";
import { onGrid, roundHalfToEven } from "../../src/quantisation/integers.js";
import { testGradients } from "./gradients.js";
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
    [
      "integers without 0",
      (w) => w.apply(FakeQuantise, [w.input([2]), w.input([1])], { low: int(1), high: int(3) }),
      /^FakeQuantise\(.*integers from 1 to 3 don't hold 0/,
    ],
    [
      "a scale that is larger than the numbers",
      (w) => w.apply(FakeQuantise, [w.input([2]), w.input([3, 2])], { high: int(3) }),
      /the scale doesn't broadcast to the numbers/,
    ],
  ],
);

/** Numbers that are all cut off, where nothing is rounded: finite differences tell all. */
const beyond = (shape: Shape, scale: Shape, options: FakeQuantisationOptions) => ({
  name: `[${shape}] beyond ${options.low}…${options.high}, scales [${scale}], by ${options.scaleGradient}`,
  inputs: [
    { shape, low: 8, high: 9, away: 8 },
    { shape: scale, low: 0.5, high: 0.9 },
  ],
  build: ([x, s]: readonly Value[]) => fakeQuantise(x as Value, s as Value, options),
});

testGradients(
  family,
  {
    FakeQuantise: [
      beyond([3, 4], [1], { low: -7, high: 7 }),
      beyond([5], [], { low: -2, high: 5, scaleGradient: "clipping" }),
      beyond([4, 2, 3, 3], [4, 1, 1, 1], { low: -3, high: 3 }),
    ],
  },
  LOWERINGS,
);

describe("fake quantisation", () => {
  const CASES: readonly [Shape, Shape, FakeQuantisationOptions][] = [
    [[2, 16, 4, 5], [1], { low: 0, high: 15 }],
    [[2, 16, 4, 5], [1], { low: -100, high: 155 }],
    [[2, 16, 4, 5], [1], { low: -7, high: 7, scaleGradient: "clipping" }],
    [[6, 3, 3, 3], [6, 1, 1, 1], { low: -1, high: 1 }],
  ];
  for (const [name, lower] of Object.entries(LOWERINGS)) {
    it.each(CASES)(
      `rounds %j by %j to %j, and learns as the formula says, ${name}`,
      async (shape, scaleShape, options) => {
        const graph = new Graph("fake");
        const [x, scale] = [graph.input("x", shape), graph.input("scale", scaleShape)];
        const random = new Random(3);
        const each = elements(shape) / elements(scaleShape);
        const scales = random.floats(elements(scaleShape), 0.05, 0.4);
        const stepOf = (i: number) => scales[Math.floor(i / each)] as number;
        const { low, high, scaleGradient } = options;
        // From beyond one end to beyond the other, ties among them.
        const numbers = random
          .floats(elements(shape), 1.5 * low - 1, 1.5 * high + 1)
          .map((code, i) => (i % 7 === 0 ? Math.floor(code) + 0.5 : code) * stepOf(i));
        const weights = random.floats(elements(shape), -1, 1);
        const y = fakeQuantise(x, scale, options);
        const loss = reduceSum(mul(y, graph.constant(weights, shape)));
        graph.output("y", y);
        const [dx, ds] = differentiate(loss, [x, scale]) as [Value, Value];
        graph.output("dx", dx);
        graph.output("ds", ds);
        const outputs = await evaluate(lower(graph), {
          x: tensor(shape, numbers),
          scale: tensor(scaleShape, scales),
        });
        const wanted = new Float64Array(scales.length);
        const [made, slope] = [floats(outputs, "y"), floats(outputs, "dx")];
        numbers.forEach((number, i) => {
          const code = Math.fround(number / stepOf(i));
          const rounded = roundHalfToEven(Math.min(high, Math.max(low, code)));
          expect(made[i]).toBe(Math.fround(rounded * stepOf(i)) + 0);
          const isInside = code >= low && code <= high;
          expect(slope[i]).toBe(isInside ? weights[i] : 0);
          const own = isInside ? (scaleGradient === "clipping" ? 0 : rounded - code) : rounded;
          wanted[Math.floor(i / each)] = (wanted[Math.floor(i / each)] as number) + own * (weights[i] as number);
        });
        expect(floats(outputs, "ds").length).toBe(scales.length);
        for (const [i, own] of floats(outputs, "ds").entries()) expect(own).toBeCloseTo(wanted[i] as number, 2);
      },
    );
  }

  it("of constants is undone when they are read", () => {
    const graph = new Graph("weights");
    const w = graph.constant(Float32Array.of(-3, 0.24, 0.26, 0.75, 1, 9), [2, 3]);
    const scales = graph.constant(Float32Array.of(0.5, 0.5), [2, 1]);
    expect([...(fakeQuantise(w, scales, { low: -2, high: 3 }).known ?? [])]).toEqual([-1, 0, 0.5, 1, 1, 1.5]);
  });
});

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
