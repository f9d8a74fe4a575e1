import { expect, it } from "vitest";
import { type Attributes, Graph, int, ints, type Value } from "../../src/graph/index.js";
import {
  ReduceMean,
  type ReduceOptions,
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
  ReduceL1: reductions(reduceL1, { away: 0.2 }),
  ReduceSumSquare: reductions(reduceSumSquare),
});

it("takes a reduction's axes as an attribute or as an input", () => {
  const graph = new Graph("test");
  const x = graph.input("x", [2, 3]);
  expect(reduceMean(x, { axes: [1] }).producer?.attributes.axes).toEqual(ints([1]));
  expect(reduceSum(x, { axes: [1] }).producer?.inputs[1]?.data).toEqual(BigInt64Array.of(1n));
});
