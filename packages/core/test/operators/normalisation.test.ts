import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { differentiate } from "../../src/differentiate/index.js";
import { float, Graph, int, type Operator, type Shape, type Value } from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import {
  GroupNormalization,
  InstanceNormalization,
  LayerNormalization,
  LogSoftmax,
  LpNormalization,
  reduceSum,
  Softmax,
} from "../../src/operators/index.js";
import * as family from "../../src/operators/normalisation.js";
import { type GradientCase, testGradients } from "./gradients.js";
import { each, SHAPES, testShapes } from "./shapes.js";

const AXES = [
  [[4], 0],
  [[2, 3], -1],
  [[2, 3, 2], 1],
  [[2, 3, 1, 2], 1],
  [[1, 2, 3, 2], 3],
] as const;

const alongAxes = (operator: Operator, attributes: Record<string, number> = {}): GradientCase[] =>
  AXES.map(([shape, axis]) => ({
    name: `axis ${axis} of [${shape}] ${JSON.stringify(attributes)}`,
    // Away from 0, where a norm has a kink.
    inputs: [{ shape, away: 0.3 }],
    build: ([x]) =>
      single(operator, [x as Value], {
        axis: int(axis),
        ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, int(value)])),
      }),
  }));

const alongAxis = [
  ...each(SHAPES.slice(1), (w, operator, shape) => w.apply(operator, [w.input(shape)])),
  ...each(AXES, (w, operator, [shape, axis]) => w.apply(operator, [w.input(shape)], { axis: int(axis) })),
];

testShapes(
  family,
  {
    Softmax: alongAxis,
    LogSoftmax: alongAxis,
    LpNormalization: each(AXES, (w, operator, [shape, axis]) =>
      w.apply(operator, [w.input(shape)], { axis: int(axis), p: int(1) }),
    ),
    LayerNormalization: [
      (w, operator) => w.apply(operator, w.inputs([2, 3, 4], [4], [4])),
      (w, operator) => w.apply(operator, w.inputs([2, 3, 4], [3, 4]), { axis: int(1) }),
      (w, operator) => w.apply(operator, w.inputs([2, 3, 4], [2, 3, 4]), { axis: int(-3) }),
    ],
    InstanceNormalization: [(w, operator) => w.apply(operator, w.inputs([2, 3, 4, 5], [3], [3]))],
  },
  [
    ["an axis", (w) => w.apply(Softmax, w.inputs([2, 3]), { axis: int(2) }), /^Softmax\(.*axis 2 is not one of 2/],
    [
      "a norm",
      (w) => w.apply(LpNormalization, w.inputs([2, 3]), { p: int(3) }),
      /^LpNormalization\(.*norm 3 is not supported; 1 and 2 are/,
    ],
    [
      "a scale",
      (w) => w.apply(InstanceNormalization, w.inputs([1, 3, 2, 2], [2], [3])),
      /^InstanceNormalization\(.*x1 must have shape \[3\]/,
    ],
    [
      "groups",
      (w) => w.apply(GroupNormalization, w.inputs([1, 3, 2, 2], [3], [3]), { num_groups: int(2) }),
      /^GroupNormalization\(.*3 channels don't divide into 2 groups/,
    ],
    [
      "a scale of groups",
      (w) => w.apply(GroupNormalization, w.inputs([1, 4, 2, 2], [4], [3]), { num_groups: int(2) }),
      /^GroupNormalization\(.*x2 must have shape \[4\]/,
    ],
  ],
);

testGradients(family, {
  Softmax: alongAxes(Softmax),
  LogSoftmax: alongAxes(LogSoftmax),
  LpNormalization: [...alongAxes(LpNormalization), ...alongAxes(LpNormalization, { p: 1 })],
  LayerNormalization: (
    [
      [[2, 3, 4], -1, [4], [4]],
      [[2, 3, 4], 1, [3, 4], [3, 4]],
      [[2, 3, 4], 1, [4], undefined],
      [[1, 2, 2, 3], 2, [2, 3], [1, 3]],
      [[5], 0, [5], [5]],
    ] as [Shape, number, Shape, Shape | undefined][]
  ).map(([shape, axis, scale, bias]) => ({
    name: `[${shape}] from axis ${axis}, scale [${scale}], bias [${bias}]`,
    inputs: [{ shape }, { shape: scale }, ...(bias ? [{ shape: bias }] : [])],
    build: (values) => single(LayerNormalization, values, { axis: int(axis), epsilon: float(0.1) }),
  })),
  InstanceNormalization: [
    [2, 3, 2, 3],
    [1, 2, 5],
    [1, 1, 2, 2],
  ].map((shape) => ({
    name: `[${shape}]`,
    inputs: [{ shape }, { shape: [shape[1] as number] }, { shape: [shape[1] as number] }],
    build: (values: readonly Value[]) => single(InstanceNormalization, values, { epsilon: float(0.1) }),
  })),
});

it("refuses the gradient of a layer's mean and deviation", () => {
  const graph = new Graph("test");
  const [x, scale] = [graph.input("x", [2, 3]), graph.input("scale", [3])];
  const loss = reduceSum(graph.apply(LayerNormalization, [x, scale])[1] as Value);
  expect(() => differentiate(loss, [x])).toThrow(/LayerNormalization.*its mean and deviation/);
});

describe("normalisation of groups of channels", () => {
  it.each([
    ["a scale a channel", 6],
    ["a scale a group", 2],
  ])("is by each group's mean and deviation: %s", async (_, scales) => {
    const [shape, groups, epsilon] = [[2, 6, 2, 3], 2, 0.1];
    const graph = new Graph("groups");
    const values = [graph.input("x", shape), graph.input("scale", [scales]), graph.input("bias", [scales])];
    const y = single(GroupNormalization, values, { num_groups: int(groups), epsilon: float(epsilon) });
    expect(y.shape).toEqual(shape);
    graph.output("y", y);
    const random = new Random(3);
    const [x, scale, bias] = [random.floats(72, -1, 1), random.floats(scales, -1, 1), random.floats(scales, -1, 1)];
    const feeds = { x: tensor(shape, x), scale: tensor([scales], scale), bias: tensor([scales], bias) };
    const made = floats(await evaluate(graph, feeds), "y");
    const size = 3 * 6;
    for (let group = 0; group < 2 * groups; group++) {
      const of = [...x.subarray(group * size, (group + 1) * size)];
      const mean = of.reduce((a, b) => a + b) / size;
      const deviation = Math.sqrt(of.reduce((total, value) => total + (value - mean) ** 2, 0) / size + epsilon);
      of.forEach((value, i) => {
        const channel = (group % groups) * 3 + Math.floor(i / 6);
        const parameter = scales === groups ? group % groups : channel;
        const expected = ((value - mean) / deviation) * (scale[parameter] as number) + (bias[parameter] as number);
        expect(made[group * size + i]).toBeCloseTo(expected, 4);
      });
    }
  });
});
