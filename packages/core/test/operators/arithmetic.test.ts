import { Random } from "../../../../test/support/random.js";
import { int, type Operator, type Value } from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import * as family from "../../src/operators/arithmetic.js";
import { Add, add, div, Max, Min, Mul, mul, pow, sub, sum } from "../../src/operators/index.js";
import { broadcastPair } from "./broadcast-pair.js";
import { type GradientCase, type Input, testGradients } from "./gradients.js";
import { binary, several, testShapes } from "./shapes.js";

/** Both operands, alike and broadcast in every way, one operand alone, and the same value as both. */
function binaryCases(f: (a: Value, b: Value) => Value, right: Omit<Input, "shape"> = {}): GradientCase[] {
  const random = new Random(11);
  const pairs: [number[], number[]][] = [
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3, 4], []],
    [[], [3]],
    [[2, 3, 4, 2], [2]],
    [
      [2, 3, 2, 2],
      [1, 3, 1, 1],
    ],
    [
      [4, 1],
      [1, 5],
    ],
    [[3], [2, 1, 1]],
    [[1, 1], [4]],
    ...Array.from({ length: 10 }, () => broadcastPair(random)),
  ];
  const together = pairs.map(([a, b]) => ({
    name: `[${a}] and [${b}]`,
    inputs: [{ shape: a }, { shape: b, ...right }],
    build: ([x, y]: readonly Value[]) => f(x as Value, y as Value),
  }));
  return [
    ...together,
    {
      name: "with a constant on the right",
      inputs: [{ shape: [3, 2] }],
      build: ([x], graph) => f(x as Value, graph.constant(Float32Array.of(0.5, 2), [2])),
    },
    {
      name: "with a constant on the left",
      inputs: [{ shape: [3, 2], ...right }],
      build: ([x], graph) => f(graph.constant(Float32Array.of(0.5, -2), [2]), x as Value),
    },
    {
      name: "of a value with itself",
      inputs: [{ shape: [4], ...right }],
      build: ([x]) => f(mul(x as Value, 2), f(x as Value, x as Value)),
    },
  ];
}

testShapes(
  family,
  {
    Add: binary,
    Sub: binary,
    Mul: binary,
    Div: binary,
    Pow: binary,
    Sum: several,
    Min: several,
    Max: several,
    Mod: [
      (w, operator) => w.apply(operator, w.inputs([2, 3], [3]), { fmod: int(1) }),
      (w, operator) => w.apply(operator, [w.integers(7, -7), w.integers(3)]),
    ],
  },
  [
    ["Add", (w) => w.apply(Add, w.inputs([2, 3], [2])), /^Add\(x0 \[2, 3\], x1 \[2\]\): shapes don't broadcast/],
    [
      "Mul of other types",
      (w) => w.apply(Mul, [w.input([2]), w.integers(1, 2)]),
      /^Mul\(x0 \[2\], constant_1 \[2\]\): constant_1 is int64, the others are float32/,
    ],
  ],
);

const extremes = (operator: Operator): GradientCase[] => [
  {
    name: "of two that broadcast",
    inputs: [
      { shape: [2, 3], away: 0.2 },
      { shape: [3], low: -0.05, high: 0.05 },
    ],
    build: (values) => single(operator, values),
  },
  {
    name: "of three, one of them a constant",
    inputs: [{ shape: [8], away: 0.2 }],
    build: ([x], graph) => single(operator, [x, graph.scalar(0.04), mul(x as Value, -0.5)]),
  },
];

testGradients(family, {
  Max: extremes(Max),
  Min: extremes(Min),
  Pow: [
    ...[2, 3, 0.5, -1.5, 1].map((exponent) => ({
      name: `to the ${exponent}`,
      inputs: [{ shape: [2, 3], low: 0.5, high: 2 }],
      build: ([x]: readonly Value[]) => pow(x as Value, exponent),
    })),
    {
      name: "negative bases, whole exponents",
      inputs: [{ shape: [6], low: -2, high: -0.5 }],
      build: ([x]) => pow(x as Value, 3),
    },
    {
      name: "to exponents that broadcast",
      inputs: [{ shape: [3, 1], low: 0.5, high: 2 }],
      build: ([x], graph) => pow(x as Value, graph.constant(Float32Array.of(2, 3, -1, 0.5), [4])),
    },
  ],
  Add: binaryCases(add),
  Sub: binaryCases(sub),
  Mul: binaryCases(mul),
  Div: binaryCases(div, { low: 0.7, high: 2 }),
  Sum: [
    {
      name: "three that broadcast",
      inputs: [{ shape: [2, 3] }, { shape: [3] }, { shape: [] }],
      build: (values) => sum(values),
    },
    {
      name: "one value three times",
      inputs: [{ shape: [2, 1] }],
      build: ([x]) => sum([x, x, x] as Value[]),
    },
    {
      name: "a constant among them",
      inputs: [{ shape: [4] }, { shape: [1] }],
      build: ([a, b], graph) => sum([a as Value, graph.scalar(2), b as Value]),
    },
  ],
});
