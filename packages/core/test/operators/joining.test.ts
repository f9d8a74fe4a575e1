import { expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { differentiate } from "../../src/differentiate/index.js";
import { Graph, int, text, type Value } from "../../src/graph/index.js";
import {
  add,
  Concat,
  concat,
  Gather,
  gather,
  mul,
  reduceSum,
  Slice,
  type SliceRange,
  Split,
  slice,
  split,
} from "../../src/operators/index.js";
import * as family from "../../src/operators/joining.js";
import { type GradientCase, one, squared, testGradients } from "./gradients.js";
import { random, testShapes } from "./shapes.js";

const slices: GradientCase[] = (
  [
    [[{ axis: 0, start: 1, end: 3 }]],
    [[{ axis: 1, start: 0, end: 2 }]],
    [[{ axis: -1, start: -2, end: 1000 }]],
    [[{ axis: 2, start: -1000, end: -1 }]],
    [
      [
        { axis: 2, start: 1, end: 2 },
        { axis: 0, start: 2, end: 4 },
      ],
    ],
    [[{ axis: 1, start: 0, end: 3, step: 1 }]],
  ] as [SliceRange[]][]
).map(([ranges]) => one(JSON.stringify(ranges), [4, 3, 2], (x) => slice(x, ranges)));

const numbers = new Random(5);
const randomSlices: GradientCase[] = Array.from({ length: 8 }, (_, i) => {
  const shape = Array.from({ length: numbers.integer(1, 4) }, () => numbers.integer(1, 4));
  const ranges = shape.flatMap((size, axis) => {
    const start = numbers.integer(0, size - 1);
    return numbers.next() < 0.6 ? [{ axis, start, end: numbers.integer(start + 1, size) }] : [];
  });
  const kept = ranges.length > 0 ? ranges : [{ axis: 0, start: 0, end: shape[0] as number }];
  return one(`random ${i}: ${JSON.stringify(kept)} of [${shape}]`, shape, (x) => slice(x, kept));
});

const steppedSlices: GradientCase[] = (
  [
    [[6], [{ axis: 0, start: 0, end: 6, step: 2 }]],
    [[7], [{ axis: 0, start: 1, end: 7, step: 3 }]],
    [[7], [{ axis: 0, start: -1, end: -100, step: -1 }]],
    [[7], [{ axis: 0, start: 5, end: 0, step: -2 }]],
    [[2, 8], [{ axis: 1, start: 100, end: -100, step: -3 }]],
    [
      [1, 2, 5, 6],
      [
        { axis: 2, start: 1, end: 5, step: 2 },
        { axis: 3, start: 5, end: 0, step: -3 },
      ],
    ],
    [
      [3, 4, 2],
      [
        { axis: -1, start: 0, end: 2, step: 1 },
        { axis: 0, start: 2, end: -4, step: -1 },
        { axis: 1, start: 0, end: 4, step: 3 },
      ],
    ],
  ] as [number[], SliceRange[]][]
).map(([shape, ranges]) => one(`steps: ${JSON.stringify(ranges)} of [${shape}]`, shape, (x) => slice(x, ranges)));

const gathers: GradientCase[] = (
  [
    ["each once", [3, 2], 0, [2, 0, 1], [3]],
    ["some once", [2, 4, 3], 1, [3, -4], [2]],
    ["one", [2, 4], -1, [1], []],
    ["several times", [3, 2, 2], 0, [1, 1, 0, 1], [4]],
    ["several times, of two axes", [2, 3, 2], 1, [0, -1, 2, 0], [2, 2]],
    ["of the last axis", [2, 3], 1, [0, 2, 2], [3]],
    ["of a vector", [4], 0, [3, 3, 1], [3]],
  ] as [string, number[], number, number[], number[]][]
).map(([name, shape, axis, indices, of]) =>
  one(`${name}: ${indices} of axis ${axis} of [${shape}]`, shape, (x) =>
    gather(x, x.graph.constant(BigInt64Array.from(indices, BigInt), of), axis),
  ),
);

const concats = (axis: number, ...shapes: readonly (readonly number[])[]): GradientCase => ({
  name: `${shapes.map((shape) => `[${shape}]`).join(" and ")} along axis ${axis}`,
  inputs: shapes.map((shape) => ({ shape })),
  build: (values) => squared(concat(values, axis)),
});

testShapes(
  family,
  {
    Concat: [
      (w, operator) => w.apply(operator, w.inputs([2, 3], [1, 3], [4, 3]), { axis: int(0) }),
      (w, operator) => w.apply(operator, w.inputs([2, 3], [2, 1]), { axis: int(-1) }),
      (w, operator) => w.apply(operator, w.inputs([2]), { axis: int(0) }),
    ],
    Split: [
      (w, operator) => w.apply(operator, [w.input([6, 2]), w.integers(1, 2, 3)], { axis: int(0) }),
      (w, operator) => w.apply(operator, [w.input([2, 4]), w.integers(2, 0, 2)], { axis: int(-1) }),
      (w, operator) => w.apply(operator, [w.input([2, 4]), w.integers(2)]),
    ],
    Slice: [
      (w, operator) => w.apply(operator, [w.input([4, 5]), w.integers(1, 2), w.integers(3, 4)]),
      ...random(40, (w, operator) => {
        const shape = [w.random.integer(1, 4), w.random.integer(1, 4), w.random.integer(1, 4)];
        const axes = w.random.permutation(3).slice(0, w.random.integer(1, 3));
        const edge = () => w.random.pick([w.random.integer(-6, 6), -1000, 1000]);
        w.apply(operator, [
          w.input(shape),
          w.integers(...axes.map(edge)),
          w.integers(...axes.map(edge)),
          w.integers(...axes.map((axis) => axis - w.random.pick([0, 3]))),
          w.integers(...axes.map(() => w.random.pick([1, 1, 2, 3, -1, -2]))),
        ]);
      }),
    ],
    Gather: [
      (w, operator) => w.apply(operator, [w.input([4, 3]), w.integers(0, 2, 1)], { axis: int(0) }),
      (w, operator) =>
        w.apply(operator, [w.input([4, 3]), w.graph.constant(BigInt64Array.of(1n), [])], { axis: int(-1) }),
      (w, operator) =>
        w.apply(operator, [w.input([2, 4, 3]), w.graph.constant(new Int32Array(4), [2, 2])], { axis: int(1) }),
    ],
    ScatterElements: [
      (w, operator) =>
        w.apply(operator, [w.input([5]), w.integers(0, 2), w.input([2])], { axis: int(0), reduction: text("add") }),
    ],
  },
  [
    [
      "Concat",
      (w) => w.apply(Concat, w.inputs([1, 3], [1, 4]), { axis: int(0) }),
      /^Concat\(.*shapes differ beside axis 0/,
    ],
    [
      "Concat of other ranks",
      (w) => w.apply(Concat, w.inputs([1, 3], [1]), { axis: int(0) }),
      /^Concat\(.*shapes differ/,
    ],
    ["an axis", (w) => w.apply(Concat, w.inputs([1, 3]), { axis: int(2) }), /^Concat\(.*axis 2 is not one of 2/],
    [
      "Split",
      (w) => w.apply(Split, [w.input([5]), w.integers(2, 2)]),
      /^Split\(x0 \[5\], constant_1 \[2\]\): parts of 2 \+ 2 don't make up axis 0/,
    ],
    [
      "Split without sizes",
      (w) => w.apply(Split, [w.input([5])]),
      /^Split\(x0 \[5\]\): the sizes of the parts must be given/,
    ],
    [
      "Slice by values that are computed",
      (w) => w.apply(Slice, w.inputs([5], [1], [1])),
      /^Slice\(.*input x1 must be a constant of integers/,
    ],
    [
      "Slice's lengths",
      (w) => w.apply(Slice, [w.input([5]), w.integers(0, 1), w.integers(1)]),
      /^Slice\(.*starts, ends, axes and steps differ in length/,
    ],
    [
      "a step of 0",
      (w) => w.apply(Slice, [w.input([5]), ...[0, 1, 0, 0].map((i) => w.integers(i))]),
      /^Slice\(.*a step of 0/,
    ],
    ["Gather by floats", (w) => w.apply(Gather, w.inputs([2, 3], [2])), /^Gather\(.*x1 is float32, not int32 or int64/],
  ],
);

testGradients(family, {
  Concat: [
    concats(0, [1, 2], [3, 2]),
    concats(1, [2, 1, 2], [2, 3, 2], [2, 2, 2]),
    concats(-1, [2, 1], [2, 4]),
    {
      name: "one value twice, and a constant",
      inputs: [{ shape: [2, 2] }],
      build: ([x], graph) => squared(concat([x as Value, graph.constant(new Float32Array(2), [1, 2]), x as Value], 0)),
    },
  ],
  Split: [
    {
      name: "all parts",
      inputs: [{ shape: [2, 6] }],
      build: ([x]) => split(x as Value, [1, 2, 3], 1).map(squared),
    },
    {
      name: "parts that nothing reads",
      inputs: [{ shape: [6, 2] }],
      build: ([x]) => squared(split(x as Value, [2, 1, 3], -2)[1] as Value),
    },
    {
      name: "a part that is read twice",
      inputs: [{ shape: [3, 4] }],
      build: ([x]) => {
        const [first, second] = split(x as Value, [2, 2], 1) as [Value, Value];
        return mul(first, add(first, second));
      },
    },
  ],
  Slice: [...slices, ...randomSlices, ...steppedSlices],
  Gather: gathers,
});

it("refuses the gradient of a gather by indices that are computed", () => {
  const graph = new Graph("test");
  const loss = reduceSum(gather(graph.input("x", [4, 2]), graph.input("i", [2], "int64"), 0));
  expect(() => differentiate(loss, [graph.inputs[0] as Value])).toThrow(/Gather.*indices that are known/);
});
