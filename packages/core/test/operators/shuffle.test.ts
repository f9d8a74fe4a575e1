import { expect, it } from "vitest";
import { differentiate } from "../../src/differentiate/index.js";
import { Graph, int, text, type Value } from "../../src/graph/index.js";
import { DepthToSpace, pixelShuffle, reduceSum, SpaceToDepth } from "../../src/operators/index.js";
import * as family from "../../src/operators/shuffle.js";
import { one, testGradients } from "./gradients.js";
import { testShapes } from "./shapes.js";

testShapes(
  family,
  {
    DepthToSpace: [
      (w, operator) => w.apply(operator, [w.input([2, 8, 3, 4])], { blocksize: int(2) }),
      (w, operator) => w.apply(operator, [w.input([1, 9, 1, 1])], { blocksize: int(3), mode: text("CRD") }),
    ],
    SpaceToDepth: [(w, operator) => w.apply(operator, [w.input([2, 3, 6, 4])], { blocksize: int(2) })],
  },
  [
    [
      "DepthToSpace",
      (w) => w.apply(DepthToSpace, w.inputs([1, 6, 2, 2]), { blocksize: int(2) }),
      /^DepthToSpace\(x0 \[1, 6, 2, 2\]\): 6 channels don't divide into blocks of 2×2/,
    ],
    [
      "SpaceToDepth",
      (w) => w.apply(SpaceToDepth, w.inputs([1, 6, 3, 2]), { blocksize: int(2) }),
      /^SpaceToDepth\(.*3×2 doesn't divide into blocks of 2/,
    ],
  ],
);

testGradients(family, {
  DepthToSpace: (
    [
      [2, [1, 4, 1, 1]],
      [2, [2, 8, 3, 2]],
      [3, [1, 18, 2, 1]],
      [1, [1, 2, 2, 2]],
    ] as const
  ).map(([r, shape]) => one(`×${r} of [${shape}]`, shape, (x) => pixelShuffle(x, r))),
});

it("refuses the gradient of a shuffle in depth-column-row order", () => {
  const x = new Graph("test").input("x", [1, 4, 4, 4]);
  const loss = reduceSum(x.graph.apply(DepthToSpace, [x], { blocksize: int(2) })[0] as Value);
  expect(() => differentiate(loss, [x])).toThrow(/DepthToSpace.*CRD/);
});
