import { expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { differentiate } from "../../src/differentiate/index.js";
import { type Attributes, Graph, int, ints, type Operator, text, type Value } from "../../src/graph/index.js";
import {
  Expand,
  expand,
  Flatten,
  Pad,
  pad,
  Reshape,
  reduceSum,
  reshape,
  Squeeze,
  Tile,
  Transpose,
  transpose,
  Unsqueeze,
} from "../../src/operators/index.js";
import * as family from "../../src/operators/reshaping.js";
import { broadcastPair } from "./broadcast-pair.js";
import { one, squared, testGradients } from "./gradients.js";
import { each, testShapes } from "./shapes.js";

const numbers = new Random(5);

const apply = (operator: Operator, x: Value, integers: readonly number[], attributes: Attributes = {}): Value =>
  x.graph.apply(operator, [x, x.graph.integers(integers)], attributes)[0] as Value;

const pads = (
  [
    [
      [2, 3],
      [1, 0, 0, 2],
    ],
    [
      [2, 1, 2, 3],
      [0, 0, 1, 2, 0, 0, 3, 0],
    ],
    [[5], [-1, -2]],
    [
      [3, 4],
      [-1, 2, 1, -3],
    ],
    [[1], [3, 0]],
  ] as const
).map(([shape, sizes]) => one(`[${sizes}] around [${shape}]`, shape, (x) => pad(x, sizes)));

testShapes(
  family,
  {
    Reshape: each([[24], [4, 6], [-1], [0, -1], [2, 0, 4], [1, 2, 3, 4, 1]], (w, operator, shape) =>
      w.apply(operator, [w.input([2, 3, 4]), w.integers(...shape)]),
    ),
    Squeeze: [
      (w, operator) => w.apply(operator, [w.input([1, 2, 1, 3])]),
      (w, operator) => w.apply(operator, [w.input([1, 2, 1, 3]), w.integers(-2)]),
      (w, operator) => w.apply(operator, [w.input([1]), w.integers(0)]),
    ],
    Unsqueeze: [
      (w, operator) => w.apply(operator, [w.input([2, 3]), w.integers(0, -1)]),
      (w, operator) => w.apply(operator, [w.input([]), w.integers(0)]),
      (w, operator) => w.apply(operator, [w.input([2]), w.integers(2, 1)]),
    ],
    Flatten: each([0, 1, 2, 3, -1, -3], (w, operator, axis) =>
      w.apply(operator, [w.input([2, 3, 4])], { axis: int(axis) }),
    ),
    Transpose: [
      (w, operator) => w.apply(operator, [w.input([2, 3, 4])]),
      (w, operator) => w.apply(operator, [w.input([2, 3, 4])], { perm: ints([1, 2, 0]) }),
      (w, operator) => w.apply(operator, [w.input([])]),
    ],
    Expand: each([[2, 3, 4], [1], [5, 1, 3, 1], [3, 4]], (w, operator, shape) =>
      w.apply(operator, [w.input([3, 1]), w.integers(...shape)]),
    ),
    Tile: each(
      [
        [1, 1],
        [2, 3],
        [0, 1],
      ],
      (w, operator, repeats) => w.apply(operator, [w.input([2, 3]), w.integers(...repeats)]),
    ),
    Pad: [
      ...each(
        [
          [1, 2, 3, 4],
          [0, 0, 0, 0],
          [-1, 2, 1, -2],
        ],
        (w, operator, pads) => w.apply(operator, [w.input([2, 3]), w.integers(...pads)]),
      ),
      (w, operator) => w.apply(operator, [w.input([2, 3]), w.integers(0, 1, 1, 2), w.graph.scalar(-1)]),
      (w, operator) => w.apply(operator, [w.input([2, 3]), w.integers(1, 2, 1, 2)], { mode: text("reflect") }),
      (w, operator) => w.apply(operator, [w.input([2, 3]), w.integers(1, 5, 3, 2)], { mode: text("edge") }),
    ],
  },
  [
    [
      "Reshape",
      (w) => w.apply(Reshape, [w.input([5]), w.integers(2, 3)]),
      /^Reshape\(x0 \[5\], constant_1 \[2\]\): 5 elements don't fill \[2, 3\]/,
    ],
    [
      "Reshape with two open sizes",
      (w) => w.apply(Reshape, [w.input([4]), w.integers(-1, -1)]),
      /^Reshape\(.*don't fill/,
    ],
    ["Reshape of nothing", (w) => w.apply(Reshape, [w.input([0, 3]), w.integers(0, -1)]), /^Reshape\(.*don't fill/],
    ["Squeeze", (w) => w.apply(Squeeze, [w.input([2]), w.integers(0)]), /^Squeeze\(.*isn't 1/],
    ["Unsqueeze", (w) => w.apply(Unsqueeze, [w.input([2]), w.integers(0, 0)]), /^Unsqueeze\(.*an axis twice/],
    ["Flatten", (w) => w.apply(Flatten, w.inputs([2, 3]), { axis: int(3) }), /^Flatten\(.*axis 3 lies past 2 axes/],
    [
      "Transpose",
      (w) => w.apply(Transpose, w.inputs([2, 3]), { perm: ints([0, 0]) }),
      /^Transpose\(.*\[0, 0\] is not a permutation of 2 axes/,
    ],
    [
      "Expand",
      (w) => w.apply(Expand, [w.input([2, 3]), w.integers(2, 4)]),
      /^Expand\(x0 \[2, 3\], constant_1 \[2\]\): doesn't broadcast to \[2, 4\]/,
    ],
    ["Expand to a negative size", (w) => w.apply(Expand, [w.input([1]), w.integers(-2)]), /^Expand\(.*\[-2\]/],
    [
      "a shape past all bounds",
      (w) => w.apply(Expand, [w.input([1]), w.integers(2 ** 52, 2 ** 52)]),
      /^Expand\(.*more elements than can be counted/,
    ],
    ["Tile", (w) => w.apply(Tile, [w.input([2, 3]), w.integers(2)]), /^Tile\(.*a repeat per axis/],
    [
      "Tile by less than nothing",
      (w) => w.apply(Tile, [w.input([2]), w.integers(-1)]),
      /^Tile\(.*\[-2\] is not a shape/,
    ],
    [
      "Pad of a mode that isn't known",
      (w) => w.apply(Pad, [w.input([2]), w.integers(1, 1)], { mode: text("wrap") }),
      /^Pad\(.*mode wrap is not supported/,
    ],
    ["Pad", (w) => w.apply(Pad, [w.input([2, 3]), w.integers(1, 1)]), /^Pad\(.*4 pads are needed/],
    ["Pad that crops all", (w) => w.apply(Pad, [w.input([2]), w.integers(-2, -1)]), /^Pad\(.*crops more than there is/],
  ],
);

testGradients(family, {
  Reshape: [
    one("[2, 3, 4] as [4, 6]", [2, 3, 4], (x) => reshape(x, [4, 6])),
    one("-1 and 0", [2, 3, 4], (x) => reshape(x, [0, -1])),
    one("to a scalar and back", [1], (x) => reshape(reshape(x, []), [1, 1])),
  ],
  Squeeze: [
    one("all axes of 1", [2, 1, 3, 1], (x) => x.graph.apply(Squeeze, [x])[0] as Value),
    one("one axis", [1, 2, 1], (x) => apply(Squeeze, x, [-1])),
  ],
  Unsqueeze: [
    one("inner axes", [2, 3], (x) => apply(Unsqueeze, x, [0, -2])),
    one("of a scalar", [], (x) => apply(Unsqueeze, x, [0])),
  ],
  Flatten: [0, 1, 2, 3, -1].map((axis) =>
    one(`axis ${axis}`, [2, 3, 2], (x) => x.graph.apply(Flatten, [x], { axis: int(axis) })[0] as Value),
  ),
  Pad: [
    ...pads,
    {
      name: "with a number",
      inputs: [{ shape: [2, 3] }],
      build: ([x], graph) =>
        squared(graph.apply(Pad, [x, graph.integers([1, 0, 0, 2]), graph.scalar(0.7)])[0] as Value),
    },
    ...(["edge", "reflect"] as const).flatMap((mode) =>
      (
        [
          [
            [1, 2, 4, 3],
            [0, 0, 2, 1, 0, 0, 1, 2],
          ],
          [
            [2, 3],
            [0, 2, 0, 0],
          ],
          [
            [3, 2, 2],
            [2, 0, 1, 0, 1, 0],
          ],
          [[4], [3, 1]],
        ] as [number[], number[]][]
      ).map(([shape, sizes]) => one(`${mode}: [${sizes}] around [${shape}]`, shape, (x) => pad(x, sizes, mode))),
    ),
    one("edge, far past the border and cropped", [3, 4], (x) => pad(x, [5, -1, 0, 7], "edge")),
  ],
  Transpose: [
    ...[
      [0, 1, 2],
      [2, 0, 1],
      [1, 2, 0],
      [0, 2, 1],
    ].map((order) => one(`[${order}]`, [2, 3, 4], (x) => transpose(x, order))),
    one("all axes reversed where none are named", [2, 3, 4], (x) => x.graph.apply(Transpose, [x])[0] as Value),
  ],
  Expand: [
    one("a scalar", [], (x) => expand(x, [2, 3])),
    one("to the same shape", [2, 3], (x) => expand(x, [2, 3])),
    one("to a smaller shape, which keeps it", [2, 3], (x) => expand(x, [1])),
    ...Array.from({ length: 4 }, (_, i) => {
      const [shape, wanted] = broadcastPair(numbers);
      return one(`random ${i}: [${shape}] to [${wanted}]`, shape, (x) => expand(x, wanted));
    }),
  ],
});

it("refuses the gradient of what a pad fills with", () => {
  const graph = new Graph("test");
  const [x, value] = [graph.input("x", [2]), graph.input("v", [])];
  const loss = reduceSum(graph.apply(Pad, [x, graph.integers([1, 1]), value])[0] as Value);
  expect(() => differentiate(loss, [value])).toThrow(/Pad.*must be a constant/);
});
