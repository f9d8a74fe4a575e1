import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { differentiate } from "../../src/differentiate/index.js";
import { type Attributes, Graph, int, ints, type Operator, type Value } from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import {
  mul,
  ReduceL2,
  ReduceLogSum,
  ReduceLogSumExp,
  ReduceMax,
  ReduceMean,
  ReduceMin,
  type ReduceOptions,
  ReduceProd,
  ReduceSum,
  reduceL1,
  reduceMean,
  reduceSum,
  reduceSumSquare,
} from "../../src/operators/index.js";
import * as family from "../../src/operators/reductions.js";
import { type GradientCase, type Input, testGradients } from "./gradients.js";
import { each, type ShapeCase, testShapes } from "./shapes.js";

const REDUCED: Attributes[] = [
  {},
  { keepdims: int(0) },
  { axes: ints([1]) },
  { axes: ints([0, -1]), keepdims: int(0) },
  { axes: ints([0, 1, 2]), keepdims: int(0) },
];
const reduction: ShapeCase[] = [
  ...each(REDUCED, (w, operator, attributes) => w.apply(operator, [w.input([2, 3, 4])], attributes)),
  (w, operator) => w.apply(operator, [w.input([])]),
];

const OPTIONS: ReduceOptions[] = [
  {},
  { keep: true },
  { axes: [1] },
  { axes: [1], keep: true },
  { axes: [0, 2] },
  { axes: [-1], keep: true },
  { axes: [-3, -1] },
  { axes: [0, 1, 2, 3] },
];

const reductions = (
  reduce: (x: Value, options?: ReduceOptions) => Value,
  range: Omit<Input, "shape"> = {},
): GradientCase[] => [
  ...OPTIONS.map((options) => ({
    name: JSON.stringify(options),
    inputs: [{ shape: [2, 3, 1, 2], ...range }],
    build: ([x]: readonly Value[]) => reduce(x as Value, options),
  })),
  { name: "of a scalar", inputs: [{ shape: [], ...range }], build: ([x]) => reduce(x as Value) },
  { name: "of a vector", inputs: [{ shape: [5], ...range }], build: ([x]) => reduce(x as Value, { axes: [0] }) },
];

const reducing =
  (operator: Operator) =>
  (x: Value, { axes, keep = false }: ReduceOptions = {}): Value =>
    single(operator, [x], { ...(axes && { axes: ints(axes) }), keepdims: int(keep ? 1 : 0) });

const withAxes = (x: Value, axes: readonly number[], attributes: Attributes = {}): Value =>
  x.graph.apply(ReduceSum, [x, x.graph.integers(axes)], attributes)[0] as Value;

testShapes(
  family,
  {
    ReduceMean: reduction,
    ReduceL1: reduction,
    ReduceL2: reduction,
    ReduceSumSquare: reduction,
    ReduceMax: reduction,
    ReduceMin: reduction,
    ReduceProd: reduction,
    ReduceLogSum: reduction,
    ReduceLogSumExp: reduction,
    ReduceSum: [
      (w, operator) => w.apply(operator, [w.input([2, 3, 4])]),
      (w, operator) => w.apply(operator, [w.input([2, 3, 4]), w.integers(1, -1)], { keepdims: int(0) }),
      (w, operator) => w.apply(operator, [w.input([2, 3, 4]), w.integers(0)]),
      (w, operator) => w.apply(operator, [w.input([2, 3, 4]), w.integers()]),
      (w, operator) =>
        w.apply(operator, [w.input([2, 3, 4]), w.integers()], { noop_with_empty_axes: int(1), keepdims: int(0) }),
    ],
  },
  [["a reduced axis", (w) => w.apply(ReduceMean, w.inputs([2]), { axes: ints([1]) }), /^ReduceMean\(.*axis 1/]],
);

testGradients(family, {
  ReduceSum: [
    ...reductions(reduceSum),
    {
      name: "over no axes: all of them",
      inputs: [{ shape: [2, 3] }],
      build: ([x]) => withAxes(x as Value, [], { keepdims: int(0) }),
    },
    {
      name: "over no axes: none of them",
      inputs: [{ shape: [2, 3] }],
      build: ([x]) => withAxes(x as Value, [], { keepdims: int(0), noop_with_empty_axes: int(1) }),
    },
  ],
  ReduceMean: reductions(reduceMean),
  ReduceMax: reductions(reducing(ReduceMax), { apart: 0.2 }),
  ReduceMin: reductions(reducing(ReduceMin), { apart: 0.2 }),
  ReduceL2: reductions(reducing(ReduceL2), { low: 0.3, high: 1 }),
  ReduceProd: reductions(reducing(ReduceProd), { low: 0.5, high: 1.5 }),
  ReduceLogSum: reductions(reducing(ReduceLogSum), { low: 0.5, high: 1.5 }),
  ReduceLogSumExp: reductions(reducing(ReduceLogSumExp)),
  ReduceL1: reductions(reduceL1, { away: 0.2 }),
  ReduceSumSquare: reductions(reduceSumSquare),
});

it("takes a reduction's axes as an attribute or as an input", () => {
  const graph = new Graph("test");
  const x = graph.input("x", [2, 3]);
  expect(reduceMean(x, { axes: [1] }).producer?.attributes.axes).toEqual(ints([1]));
  expect(reduceSum(x, { axes: [1] }).producer?.inputs[1]?.data).toEqual(BigInt64Array.of(1n));
});

describe("gradients where there is more than one way", () => {
  const gradientOf = async (operator: Operator, shape: readonly number[], values: readonly number[]) => {
    const graph = new Graph("reduced");
    const x = graph.input("x", shape);
    const y = single(operator, [x], { axes: ints([1]), keepdims: int(0) });
    graph.output("dx", differentiate(reduceSum(mul(y, 6)), [x])[0] as Value);
    return [...floats(await evaluate(graph, { x: tensor(shape, values) }), "dx")];
  };

  it("go to all equals alike", async () => {
    expect(await gradientOf(ReduceMax, [2, 3], [1, 2, 2, 5, 5, 5])).toEqual([0, 3, 3, 2, 2, 2]);
    expect(await gradientOf(ReduceMin, [1, 3], [1, 2, 1])).toEqual([3, 0, 3]);
  });

  it("are 0 where all is 0, for a norm", async () => {
    expect(await gradientOf(ReduceL2, [2, 2], [0, 0, 0, -4])).toEqual([0, 0, 0, -6]);
  });

  it("are the product of the others, whichever are 0", async () => {
    expect(await gradientOf(ReduceProd, [3, 3], [2, 3, 4, 0, 3, 4, 0, 0, 4])).toEqual([72, 48, 36, 72, 0, 0, 0, 0, 0]);
  });
});

describe("reach", () => {
  const POINT = { step: 1, low: 0, high: 0 };
  const reach = (axes: readonly number[]) => {
    const y = reduceMean(new Graph("reach").input("x", [1, 4, 8, 8]), { axes, keep: true });
    return y.producer?.operator.reach?.(y.producer, [[POINT, POINT]]);
  };

  it("is a position's own along channels, all along positions", () => {
    expect(reach([1])).toEqual([POINT, POINT]);
    expect(reach([2, 3])).toBe("all");
    expect(reach([1, 3])).toBe("all");
  });
});
