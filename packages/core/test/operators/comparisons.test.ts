import { elements, type Graph, int, type Value } from "../../src/graph/index.js";
import * as family from "../../src/operators/comparisons.js";
import { Cast, Where, where } from "../../src/operators/index.js";
import { type GradientCase, testGradients } from "./gradients.js";
import { binary, each, PAIRS, SHAPES, testShapes } from "./shapes.js";

const logical = each(PAIRS, (w, operator, [a, b]) => w.apply(operator, [w.flags(a), w.flags(b)]));

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

testShapes(
  family,
  {
    Equal: binary,
    Greater: binary,
    GreaterOrEqual: binary,
    Less: binary,
    LessOrEqual: binary,
    And: logical,
    Or: logical,
    Not: each(SHAPES, (w, operator, shape) => w.apply(operator, [w.flags(shape)])),
    Where: each(PAIRS, (w, operator, [a, b]) => w.apply(operator, [w.flags(a), ...w.inputs(b, [3])])),
    Cast: each([1, 2, 3, 6, 7, 9, 10, 11], (w, operator, to) => w.apply(operator, [w.input([2, 3])], { to: int(to) })),
  },
  [
    ["Where", (w) => w.apply(Where, w.inputs([2], [2], [2])), /^Where\(.*condition x0 is float32, not bool/],
    ["Cast to a type that isn't known", (w) => w.apply(Cast, w.inputs([2]), { to: int(8) }), /^Cast\(.*element type 8/],
  ],
);

testGradients(family, {
  Where: select,
});
