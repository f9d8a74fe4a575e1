import { describe } from "vitest";
import { Random } from "../../../../../test/support/random.js";
import { elementwiseRules } from "../../../src/differentiate/rules/elementwise.js";
import { elements, type Graph, type Value } from "../../../src/graph/index.js";
import {
  abs,
  add,
  clip,
  div,
  exp,
  identity,
  leakyRelu,
  log,
  mul,
  neg,
  pow,
  prelu,
  relu,
  sigmoid,
  softplus,
  sqrt,
  sub,
  sum,
  tanh,
  where,
} from "../../../src/operators/index.js";
import { type GradientCase, type Input, testRules } from "../gradients.js";
import { broadcastPair } from "../shapes.js";

type Unary = (x: Value) => Value;

/** The function alone on shapes of every rank, and of an intermediate value. */
const unary = (f: Unary, range: Omit<Input, "shape"> = {}): GradientCase[] => [
  ...[[], [7], [1, 1, 1, 1], [2, 3, 2, 2]].map((shape) => ({
    name: `shape [${shape}]`,
    inputs: [{ shape, low: -2, high: 2, ...range }],
    build: ([x]: readonly Value[]) => f(x as Value),
  })),
  {
    name: "of a scaled value that is read twice",
    inputs: [{ shape: [5], low: -2, high: 2, ...range }],
    build: ([x]) => {
      const scaled = mul(x as Value, 1.25);
      return add(mul(f(scaled), 0.7), scaled);
    },
  },
];

/** Both operands, alike and broadcast in every way, one operand alone, and the same value as both. */
function binary(f: (a: Value, b: Value) => Value, right: Omit<Input, "shape"> = {}): GradientCase[] {
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

const condition = (graph: Graph, shape: readonly number[]): Value =>
  graph.constant(
    Uint8Array.from({ length: elements(shape) }, (_, i) => ((i * 7) % 3) % 2),
    shape,
    { dtype: "bool" },
  );

const select: GradientCase[] = (
  [
    [
      [2, 3],
      [2, 3],
      [2, 3],
    ],
    [[2, 3, 2], [], [3, 1]],
    [[3], [2, 3], [2, 1]],
    [
      [2, 1, 4],
      [3, 1],
      [1, 4],
    ],
  ] as const
).map(([mask, yes, no]) => ({
  name: `condition [${mask}], [${yes}] or [${no}]`,
  inputs: [{ shape: yes }, { shape: no }],
  build: ([a, b], graph) => where(condition(graph, mask), a as Value, b as Value),
}));

const slopes: GradientCase[] = (
  [
    [[2, 3, 2, 2], [1]],
    [
      [2, 3, 2, 2],
      [3, 1, 1],
    ],
    [
      [2, 3],
      [2, 3],
    ],
    [
      [2, 3, 4],
      [1, 3, 1],
    ],
    [[5], []],
  ] as const
).map(([shape, slope]) => ({
  name: `slope [${slope}] of [${shape}]`,
  inputs: [{ shape, away: 0.2 }, { shape: slope }],
  build: ([x, s]) => prelu(x as Value, s as Value),
}));

const clipped =
  (build: (x: Value) => Value): GradientCase["build"] =>
  ([x]) =>
    build(x as Value);

describe("gradients of elementwise operators", () => {
  testRules(Object.keys(elementwiseRules), {
    Identity: unary(identity),
    Neg: unary(neg),
    Abs: unary(abs, { away: 0.2 }),
    Sqrt: unary(sqrt, { low: 0.5, high: 3 }),
    Exp: unary(exp),
    Log: unary(log, { low: 0.5, high: 3 }),
    Relu: unary(relu, { away: 0.2 }),
    Sigmoid: unary(sigmoid),
    Tanh: unary(tanh),
    Softplus: unary(softplus),
    LeakyRelu: [0.2, -0.5].flatMap((alpha) =>
      unary((x) => leakyRelu(x, alpha), { away: 0.2 }).map((c) => ({ ...c, name: `α ${alpha}, ${c.name}` })),
    ),
    PRelu: slopes,
    Clip: [
      { name: "both bounds", inputs: [{ shape: [10], apart: 0.2 }], build: clipped((x) => clip(x, -0.5, 0.7)) },
      {
        name: "a lower bound alone",
        inputs: [{ shape: [20], away: 0.2 }],
        build: clipped((x) => x.graph.apply("Clip", [x, x.graph.scalar(0)])[0] as Value),
      },
      {
        name: "an upper bound alone",
        inputs: [{ shape: [20], away: 0.2 }],
        build: clipped((x) => x.graph.apply("Clip", [x, undefined, x.graph.scalar(0)])[0] as Value),
      },
      {
        name: "no bounds",
        inputs: [{ shape: [4] }],
        build: clipped((x) => x.graph.apply("Clip", [x])[0] as Value),
      },
    ],
    Where: select,
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
    Add: binary(add),
    Sub: binary(sub),
    Mul: binary(mul),
    Div: binary(div, { low: 0.7, high: 2 }),
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
});
