import { expect, it } from "vitest";
import { type Attributes, float, Graph, int, type Shape, text, type Value } from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import { Einsum, FusedMatMul, Gemm, MatMul, matMul } from "../../src/operators/index.js";
import * as family from "../../src/operators/products.js";
import { type GradientCase, testGradients } from "./gradients.js";
import { each, testShapes } from "./shapes.js";

const fused = (a: Value, b: Value, attributes: Attributes): Value =>
  a.graph.apply(FusedMatMul, [a, b], attributes)[0] as Value;

const products: GradientCase[] = (
  [
    [[3], [3]],
    [[3], [2, 3, 4]],
    [[2, 4, 3], [3]],
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
        [[3], [3]],
        [[3], [5, 3, 2]],
        [[5, 2, 3], [3]],
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
    Einsum: each(
      [
        ["ij,jk->ik", [2, 3], [3, 4]],
        ["bhid,bhjd->bhij", [1, 2, 3, 4], [1, 2, 5, 4]],
        ["bi , bi", [2, 3], [2, 3]],
        ["ba,ac", [2, 3], [3, 4]],
        ["i,j->", [2], [3]],
      ] as [string, Shape, Shape][],
      (w, operator, [equation, a, b]) => w.apply(operator, w.inputs(a, b), { equation: text(equation) }),
    ),
    Gemm: [
      (w, operator) => w.apply(operator, w.inputs([2, 3], [3, 4])),
      (w, operator) => w.apply(operator, w.inputs([3, 2], [4, 3], [4]), { transA: int(1), transB: int(1) }),
    ],
  },
  [
    ["MatMul", (w) => w.apply(MatMul, w.inputs([2, 3], [2, 3])), /^MatMul\(.*inner sizes 3 and 2 differ/],
    ["MatMul of a scalar", (w) => w.apply(MatMul, w.inputs([], [3])), /^MatMul\(.*an operand is a scalar/],
    ["FusedMatMul of vectors", (w) => w.apply(FusedMatMul, w.inputs([3], [3])), /^FusedMatMul\(.*must be matrices/],
    [
      "Gemm's offset",
      (w) => w.apply(Gemm, w.inputs([2, 3], [3, 4], [2, 2, 4])),
      /^Gemm\(.*x2 doesn't broadcast to \[2, 4\]/,
    ],
    [
      "Einsum of more axes than are named",
      (w) => w.apply(Einsum, w.inputs([2, 3]), { equation: text("...i->i") }),
      /^Einsum\(.*equation ...i->i is not supported: name every axis/,
    ],
    [
      "Einsum of sizes that differ",
      (w) => w.apply(Einsum, w.inputs([2, 3], [4, 2]), { equation: text("ij,jk->ik") }),
      /^Einsum\(.*shapes don't fit its equation/,
    ],
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
  Gemm: [0, 1].flatMap((transA) =>
    [0, 1].flatMap((transB) =>
      [undefined, [2, 4], [4], [2, 1], []].map((offset) => ({
        name: `transA ${transA}, transB ${transB}, offset [${offset}]`,
        step: 0.5,
        inputs: [
          { shape: transA ? [3, 2] : [2, 3] },
          { shape: transB ? [4, 3] : [3, 4] },
          ...(offset ? [{ shape: offset }] : []),
        ],
        build: (values: readonly Value[]) =>
          single(Gemm, values, { transA: int(transA), transB: int(transB), alpha: float(0.5), beta: float(-2) }),
      })),
    ),
  ),
});

it("counts a product for each value that every letter of an Einsum takes", () => {
  const graph = new Graph("einsum");
  const y = single(Einsum, [graph.input("a", [2, 3]), graph.input("b", [3, 4])], { equation: text("ij,jk->ik") });
  expect(y.producer?.operator.cost?.multiplyAccumulates(y.producer)).toBe(24);
});
