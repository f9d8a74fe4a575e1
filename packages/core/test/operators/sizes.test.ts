import { int } from "../../src/graph/index.js";
import * as sizes from "../../src/operators/sizes.js";
import { testShapes, unary } from "./shapes.js";

testShapes(
  sizes,
  {
    Shape: [...unary, (w, operator) => w.apply(operator, [w.input([2, 3, 4])], { start: int(1), end: int(-1) })],
    Size: unary,
    Range: [
      (w, operator) =>
        w.apply(
          operator,
          [0, 7, 2].map((n) => w.graph.constant(BigInt64Array.of(BigInt(n)), [])),
        ),
    ],
  },
  [
    [
      "a range of what isn't known",
      (w) => w.apply(sizes.Range, [w.input([]), w.graph.scalar(2), w.graph.scalar(1)]),
      /^Range\(.*input x0 must be a number that is known/,
    ],
    [
      "steps of 0",
      (w) => w.apply(sizes.Range, [w.graph.scalar(0), w.graph.scalar(2), w.graph.scalar(0)]),
      /a step of 0/,
    ],
  ],
);
