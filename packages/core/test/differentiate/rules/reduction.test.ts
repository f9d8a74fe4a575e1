import { describe, expect, it } from "vitest";
import { differentiate } from "../../../src/differentiate/index.js";
import { reductionRules } from "../../../src/differentiate/rules/reduction.js";
import { type Attributes, Graph, int, ints, type Value } from "../../../src/graph/index.js";
import {
  globalAveragePool,
  matMul,
  type ReduceOptions,
  reduceL1,
  reduceMean,
  reduceSum,
  reduceSumSquare,
} from "../../../src/operators/index.js";
import { type GradientCase, type Input, testRules } from "../gradients.js";

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

const fused = (a: Value, b: Value, attributes: Attributes): Value =>
  a.graph.apply("FusedMatMul", [a, b], attributes, { domain: "com.microsoft" })[0] as Value;

const products: GradientCase[] = (
  [
    [
      [2, 3],
      [3, 4],
    ],
    [
      [1, 1],
      [1, 1],
    ],
    [
      [2, 2, 3],
      [2, 3, 2],
    ],
    [
      [2, 3],
      [4, 3, 2],
    ],
    [
      [4, 2, 3],
      [3, 2],
    ],
    [
      [2, 1, 2, 3],
      [3, 3, 1],
    ],
    [
      [3, 1, 2, 2],
      [1, 2, 2, 3],
    ],
  ] as const
).map(([a, b]) => ({
  name: `[${a}] × [${b}]`,
  step: 0.5,
  inputs: [{ shape: a }, { shape: b }],
  build: ([x, y]) => matMul(x as Value, y as Value),
}));

const fusedProducts: GradientCase[] = [false, true].flatMap((transposeLeft) =>
  [false, true].flatMap((transposeRight) =>
    [1, -0.3].flatMap((scale) =>
      [[], [2], [2, 1]].map((batch) => ({
        name: `left ${transposeLeft}, right ${transposeRight}, scale ${scale}, batch [${batch}]`,
        step: 0.5,
        inputs: [
          { shape: [...batch, ...(transposeLeft ? [3, 2] : [2, 3])] },
          // Its batch of 2 is summed where the left has none or is 1 there.
          { shape: [...(batch.length === 2 ? [3] : []), ...(transposeRight ? [4, 3] : [3, 4])] },
        ],
        build: ([x, y]: readonly Value[]) =>
          fused(x as Value, y as Value, {
            transA: int(transposeLeft ? 1 : 0),
            transB: int(transposeRight ? 1 : 0),
            alpha: { kind: "float", value: scale },
          }),
      })),
    ),
  ),
);

const withAxes = (x: Value, axes: readonly number[], attributes: Attributes = {}): Value =>
  x.graph.apply("ReduceSum", [x, x.graph.integers(axes)], attributes)[0] as Value;

describe("gradients of reductions and products", () => {
  testRules(Object.keys(reductionRules), {
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
    GlobalAveragePool: [
      [2, 3, 4, 5],
      [1, 1, 1, 1],
      [1, 4, 3],
    ].map((shape) => ({
      name: `[${shape}]`,
      inputs: [{ shape, low: -3, high: 3 }],
      build: ([x]: readonly Value[]) => globalAveragePool(x as Value),
    })),
    MatMul: products,
    FusedMatMul: fusedProducts,
  });

  it("refuses Gemm, naming what to write instead", () => {
    const graph = new Graph("test");
    const [a, b] = [graph.input("a", [3, 2]), graph.input("b", [2, 5])];
    const loss = reduceSum(graph.apply("Gemm", [a, b])[0] as Value);
    expect(() => differentiate(loss, [a])).toThrow(/Gemm.*no gradient rule/);
  });

  it("takes a reduction's axes as an attribute or as an input", () => {
    const graph = new Graph("test");
    const x = graph.input("x", [2, 3]);
    expect(reduceMean(x, { axes: [1] }).producer?.attributes.axes).toEqual(ints([1]));
    expect(reduceSum(x, { axes: [1] }).producer?.inputs[1]?.data).toEqual(BigInt64Array.of(1n));
  });
});
