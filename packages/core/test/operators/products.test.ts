import { expect, it } from "vitest";
import { differentiate } from "../../src/differentiate/index.js";
import { type Attributes, float, Graph, int, type Shape, type Value } from "../../src/graph/index.js";
import { FusedMatMul, Gemm, MatMul, matMul, reduceSum } from "../../src/operators/index.js";
import * as family from "../../src/operators/products.js";
import { type GradientCase, testGradients } from "./gradients.js";
import { each, testShapes } from "./shapes.js";

const fused = (a: Value, b: Value, attributes: Attributes): Value =>
  a.graph.apply(FusedMatMul, [a, b], attributes)[0] as Value;

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

testShapes(
  family,
  {
    MatMul: each(
      [
        [
          [2, 3],
          [3, 4],
        ],
        [
          [5, 2, 3],
          [3, 4],
        ],
        [
          [2, 1, 2, 3],
          [4, 3, 1],
        ],
      ] as [Shape, Shape][],
      (w, operator, shapes) => w.apply(operator, w.inputs(...shapes)),
    ),
    FusedMatMul: each(
      [
        [[2, 3], [3, 4], 0, 0],
        [[3, 2], [3, 4], 1, 0],
        [[5, 2, 3], [4, 3], 0, 1],
        [[2, 3, 2], [2, 4, 3], 1, 1],
      ] as [Shape, Shape, number, number][],
      (w, operator, [a, b, left, right]) =>
        w.apply(operator, w.inputs(a, b), { transA: int(left), transB: int(right), alpha: float(2) }),
    ),
    Gemm: [
      (w, operator) => w.apply(operator, w.inputs([2, 3], [3, 4])),
      (w, operator) => w.apply(operator, w.inputs([3, 2], [4, 3], [4]), { transA: int(1), transB: int(1) }),
    ],
  },
  [
    ["MatMul", (w) => w.apply(MatMul, w.inputs([2, 3], [2, 3])), /^MatMul\(.*inner sizes 3 and 2 differ/],
    ["MatMul of vectors", (w) => w.apply(MatMul, w.inputs([3], [3])), /^MatMul\(.*must be matrices/],
    ["MatMul's batches", (w) => w.apply(MatMul, w.inputs([2, 1, 3], [4, 3, 1])), /^MatMul\(.*batches don't broadcast/],
    [
      "FusedMatMul of transposed batches",
      (w) => w.apply(FusedMatMul, w.inputs([2, 1, 3], [2, 3, 1]), { transBatchA: int(1) }),
      /^FusedMatMul\(.*transBatchA is not supported/,
    ],
    ["Gemm of batches", (w) => w.apply(Gemm, w.inputs([2, 1, 3], [2, 3, 1])), /^Gemm\(.*must have 2 axes/],
  ],
);

testGradients(family, {
  MatMul: products,
  FusedMatMul: fusedProducts,
});

it("refuses Gemm, naming what to write instead", () => {
  const graph = new Graph("test");
  const [a, b] = [graph.input("a", [3, 2]), graph.input("b", [2, 5])];
  const loss = reduceSum(graph.apply(Gemm, [a, b])[0] as Value);
  expect(() => differentiate(loss, [a])).toThrow(/Gemm.*no gradient rule/);
});
