import { describe, expect, it } from "vitest";
import { Random } from "../../../../../test/support/random.js";
import { differentiate } from "../../../src/differentiate/index.js";
import { arrangementRules } from "../../../src/differentiate/rules/arrangement.js";
import { type Attributes, Graph, int, type Value } from "../../../src/graph/index.js";
import {
  add,
  concat,
  expand,
  mul,
  pad,
  pixelShuffle,
  reduceSum,
  reshape,
  type SliceRange,
  slice,
  split,
  transpose,
} from "../../../src/operators/index.js";
import { type GradientCase, testRules } from "../gradients.js";
import { broadcastPair } from "../shapes.js";

const apply = (operator: string, x: Value, integers: readonly number[], attributes: Attributes = {}): Value =>
  x.graph.apply(operator, [x, x.graph.integers(integers)], attributes)[0] as Value;

/** A product with itself, so that a gradient in the wrong place has the wrong value too. */
const squared = (x: Value): Value => mul(x, x);

const one = (name: string, shape: readonly number[], build: (x: Value) => Value): GradientCase => ({
  name,
  inputs: [{ shape }],
  build: ([x]) => squared(build(x as Value)),
});

const slices: GradientCase[] = (
  [
    [[{ axis: 0, start: 1, end: 3 }]],
    [[{ axis: 1, start: 0, end: 2 }]],
    [[{ axis: -1, start: -2, end: 1000 }]],
    [[{ axis: 2, start: -1000, end: -1 }]],
    [
      [
        { axis: 2, start: 1, end: 2 },
        { axis: 0, start: 2, end: 4 },
      ],
    ],
    [[{ axis: 1, start: 0, end: 3, step: 1 }]],
  ] as [SliceRange[]][]
).map(([ranges]) => one(JSON.stringify(ranges), [4, 3, 2], (x) => slice(x, ranges)));

const random = new Random(5);
const randomSlices: GradientCase[] = Array.from({ length: 8 }, (_, i) => {
  const shape = Array.from({ length: random.integer(1, 4) }, () => random.integer(1, 4));
  const ranges = shape.flatMap((size, axis) => {
    const start = random.integer(0, size - 1);
    return random.next() < 0.6 ? [{ axis, start, end: random.integer(start + 1, size) }] : [];
  });
  const kept = ranges.length > 0 ? ranges : [{ axis: 0, start: 0, end: shape[0] as number }];
  return one(`random ${i}: ${JSON.stringify(kept)} of [${shape}]`, shape, (x) => slice(x, kept));
});

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

const concats = (axis: number, ...shapes: readonly (readonly number[])[]): GradientCase => ({
  name: `${shapes.map((shape) => `[${shape}]`).join(" and ")} along axis ${axis}`,
  inputs: shapes.map((shape) => ({ shape })),
  build: (values) => squared(concat(values, axis)),
});

describe("gradients of rearrangements", () => {
  testRules(Object.keys(arrangementRules), {
    Reshape: [
      one("[2, 3, 4] as [4, 6]", [2, 3, 4], (x) => reshape(x, [4, 6])),
      one("-1 and 0", [2, 3, 4], (x) => reshape(x, [0, -1])),
      one("to a scalar and back", [1], (x) => reshape(reshape(x, []), [1, 1])),
    ],
    Squeeze: [
      one("all axes of 1", [2, 1, 3, 1], (x) => x.graph.apply("Squeeze", [x])[0] as Value),
      one("one axis", [1, 2, 1], (x) => apply("Squeeze", x, [-1])),
    ],
    Unsqueeze: [
      one("inner axes", [2, 3], (x) => apply("Unsqueeze", x, [0, -2])),
      one("of a scalar", [], (x) => apply("Unsqueeze", x, [0])),
    ],
    Flatten: [0, 1, 2, 3, -1].map((axis) =>
      one(`axis ${axis}`, [2, 3, 2], (x) => x.graph.apply("Flatten", [x], { axis: int(axis) })[0] as Value),
    ),
    Concat: [
      concats(0, [1, 2], [3, 2]),
      concats(1, [2, 1, 2], [2, 3, 2], [2, 2, 2]),
      concats(-1, [2, 1], [2, 4]),
      {
        name: "one value twice, and a constant",
        inputs: [{ shape: [2, 2] }],
        build: ([x], graph) =>
          squared(concat([x as Value, graph.constant(new Float32Array(2), [1, 2]), x as Value], 0)),
      },
    ],
    Split: [
      {
        name: "all parts",
        inputs: [{ shape: [2, 6] }],
        build: ([x]) => split(x as Value, [1, 2, 3], 1).map(squared),
      },
      {
        name: "parts that nothing reads",
        inputs: [{ shape: [6, 2] }],
        build: ([x]) => squared(split(x as Value, [2, 1, 3], -2)[1] as Value),
      },
      {
        name: "a part that is read twice",
        inputs: [{ shape: [3, 4] }],
        build: ([x]) => {
          const [first, second] = split(x as Value, [2, 2], 1) as [Value, Value];
          return mul(first, add(first, second));
        },
      },
    ],
    Slice: [...slices, ...randomSlices],
    Pad: pads,
    Transpose: [
      ...[
        [0, 1, 2],
        [2, 0, 1],
        [1, 2, 0],
        [0, 2, 1],
      ].map((order) => one(`[${order}]`, [2, 3, 4], (x) => transpose(x, order))),
      one("all axes reversed where none are named", [2, 3, 4], (x) => x.graph.apply("Transpose", [x])[0] as Value),
    ],
    DepthToSpace: (
      [
        [2, [1, 4, 1, 1]],
        [2, [2, 8, 3, 2]],
        [3, [1, 18, 2, 1]],
        [1, [1, 2, 2, 2]],
      ] as const
    ).map(([r, shape]) => one(`×${r} of [${shape}]`, shape, (x) => pixelShuffle(x, r))),
    Expand: [
      one("a scalar", [], (x) => expand(x, [2, 3])),
      one("to the same shape", [2, 3], (x) => expand(x, [2, 3])),
      one("to a smaller shape, which keeps it", [2, 3], (x) => expand(x, [1])),
      ...Array.from({ length: 4 }, (_, i) => {
        const [shape, wanted] = broadcastPair(random);
        return one(`random ${i}: [${shape}] to [${wanted}]`, shape, (x) => expand(x, wanted));
      }),
    ],
  });

  it.each<[string, (x: Value) => Value, RegExp]>([
    ["a slice with steps", (x) => slice(x, [{ axis: 2, start: 0, end: 4, step: 2 }]), /Slice.*steps of 1/],
    ["a pad of repeated borders", (x) => pad(x, [0, 0, 1, 1, 0, 0, 1, 1], "edge"), /Pad.*mode constant/],
    [
      "a shuffle in depth-column-row order",
      (x) => x.graph.apply("DepthToSpace", [x], { blocksize: int(2) })[0] as Value,
      /DepthToSpace.*CRD/,
    ],
  ])("refuses %s", (_, build, message) => {
    const x = new Graph("test").input("x", [1, 4, 4, 4]);
    const loss = reduceSum(build(x));
    expect(() => differentiate(loss, [x])).toThrow(message);
  });
});
