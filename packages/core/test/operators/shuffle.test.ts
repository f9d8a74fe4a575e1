import { int, text } from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import { DepthToSpace, pixelShuffle, SpaceToDepth } from "../../src/operators/index.js";
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
  ).flatMap(([r, shape]) => [
    one(`×${r} of [${shape}]`, shape, (x) => pixelShuffle(x, r)),
    one(`×${r} of [${shape}], sub-pixels apart`, shape, (x) => single(DepthToSpace, [x], { blocksize: int(r) })),
  ]),
  SpaceToDepth: (
    [
      [2, [1, 1, 2, 2]],
      [2, [2, 3, 4, 2]],
      [3, [1, 2, 3, 6]],
    ] as const
  ).map(([r, shape]) => one(`÷${r} of [${shape}]`, shape, (x) => single(SpaceToDepth, [x], { blocksize: int(r) }))),
});
