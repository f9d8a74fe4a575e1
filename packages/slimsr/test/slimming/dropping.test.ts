import { describe, expect, it } from "vitest";
import { Random } from "../../../../test/support/random.js";
import { outputOf, randomPatches, rootMeanSquare } from "../../../../test/support/small-networks.js";
import {
  type Attributes,
  elements,
  float,
  Graph,
  int,
  ints,
  type Operator,
  text,
  type Value,
} from "../../../core/src/graph/index.js";
import type { ChannelGroup } from "../../../core/src/model/channels.js";
import { importedModel } from "../../../core/src/model/imported.js";
import { channelAnalysis, type Model } from "../../../core/src/model/model.js";
import { materialise, splitByCounts } from "../../../core/src/model/split.js";
import { single } from "../../../core/src/operators/apply.js";
import * as operators from "../../../core/src/operators/index.js";
import { align } from "../../src/slimming/alignment/align.js";

const { add, concat, conv, convTranspose, gather, mul, prelu, relu, sigmoid, slice, split, sub } = operators;
const CHANNELS = 8;
const WHOLE = [1, CHANNELS, 1, 1];

/** Layers with random weights, from an image of 3 channels. */
class Layers {
  readonly graph = new Graph("layers");
  readonly image = this.graph.input("image", [1, 3, 12, 12]);
  readonly #random = new Random(3);

  parameter(shape: readonly number[], low = -0.5): Value {
    return this.graph.constant(this.#random.floats(elements(shape), low, 0.5), shape);
  }

  conv(x: Value, filters: number, { group = 1, side = 1 } = {}): Value {
    const pad = (side - 1) / 2;
    const weight = this.parameter([filters, (x.shape[1] as number) / group, side, side]);
    return conv(x, weight, this.parameter([filters]), { pads: [pad, pad, pad, pad], group });
  }
}

type Build = (x: Value, layers: Layers) => Value;

/** An operator of one operand. */
const one =
  (operator: Operator, attributes: Attributes = {}): Build =>
  (x) =>
    single(operator, [x], attributes);

const FUNCTIONS = [
  ...[operators.Relu, operators.LeakyRelu, operators.Sigmoid, operators.Tanh, operators.Softplus, operators.Elu],
  ...[operators.HardSigmoid, operators.HardSwish, operators.Identity, operators.Neg, operators.Abs, operators.Exp],
  ...[operators.Erf, operators.Sin, operators.Cos, operators.Sign, operators.Floor, operators.Ceil, operators.Round],
  ...[operators.Softsign, operators.Celu, operators.Selu, operators.ThresholdedRelu, operators.Shrink],
  ...[operators.GlobalAveragePool, operators.GlobalMaxPool],
];

const REDUCTIONS = [
  ...[operators.ReduceMean, operators.ReduceMax, operators.ReduceMin, operators.ReduceL1, operators.ReduceL2],
  ...[operators.ReduceSumSquare, operators.ReduceProd, operators.ReduceLogSumExp],
];

const { Add, And, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Mod, Not, Or, Where } = operators;

/** Truths that depend on x, by all comparisons. */
function truths(x: Value): Value {
  const half = x.graph.scalar(0.5);
  const compared = (operator: Operator) => single(operator, [x, half]);
  const above = single(And, [compared(Greater), single(Not, [compared(Equal)])]);
  const below = single(Or, [compared(LessOrEqual), single(And, [compared(Less), compared(GreaterOrEqual)])]);
  return single(Or, [above, single(Not, [below])]);
}

/** What is made of 8 channels, by the operators that it shows. */
const BUILDS: readonly (readonly [shown: string, Build])[] = [
  ...FUNCTIONS.map((operator) => [operator.name, one(operator)] as const),
  ["Sqrt Log", (x) => single(operators.Sqrt, [single(operators.Log, [add(single(operators.Abs, [x]), 2)])])],
  ["Reciprocal", (x) => single(operators.Reciprocal, [add(single(operators.Abs, [x]), 2)])],
  ["PRelu", (x, l) => prelu(x, l.parameter([CHANNELS, 1, 1]))],
  ["Clip", (x) => operators.clip(x, -0.4, 0.6)],
  ["Add", (x, l) => add(x, l.parameter(WHOLE))],
  ["Sub", (x, l) => sub(l.parameter(WHOLE), x)],
  ["Mul", (x, l) => mul(mul(x, l.parameter(WHOLE)), sigmoid(l.conv(x, CHANNELS)))],
  ["Div", (x) => operators.div(x, add(single(operators.Abs, [x]), 1))],
  ["Pow", (x) => operators.pow(x, 2)],
  ["Sum", (x, l) => operators.sum([x, l.conv(x, CHANNELS), l.parameter(WHOLE)])],
  ["Min Max", (x, l) => single(operators.Min, [single(operators.Max, [x, l.conv(x, CHANNELS)]), l.graph.scalar(0.4)])],
  ["Mean", (x, l) => single(operators.Mean, [x, l.conv(x, CHANNELS)])],
  [
    "Where And Or Not Equal Greater GreaterOrEqual Less LessOrEqual",
    (x) => single(Where, [truths(x), x, single(Add, [x, x.graph.scalar(1)])]),
  ],
  ["Cast", (x) => operators.cast(operators.greater(x, 0), "float32")],
  ["Mod", (x) => single(Mod, [x, x.graph.scalar(0.75)], { fmod: int(1) })],
  [
    "LayerNormalization",
    (x, l) => single(operators.LayerNormalization, [x, l.parameter([12]), l.parameter([12])], { axis: int(-1) }),
  ],
  ["Conv", (x, l) => l.conv(relu(l.conv(x, 6, { side: 3 })), 5)],
  ["Conv", (x, l) => l.conv(l.conv(x, CHANNELS, { group: 2, side: 3 }), 4, { group: 4 })],
  ["Conv", (x, l) => l.conv(x, 2 * CHANNELS, { group: CHANNELS, side: 3 })],
  [
    "ConvTranspose",
    (x, l) => relu(convTranspose(x, l.parameter([CHANNELS, 6, 2, 2]), { strides: [2, 2], bias: l.parameter([6]) })),
  ],
  ["Concat", (x, l) => concat([x, l.conv(relu(x), 4)], 1)],
  [
    "Split",
    (x, l) =>
      split(x, [3, 5], 1)
        .map((part) => l.conv(part, 4))
        .reduce((a, b) => mul(a, b)),
  ],
  [
    "Slice",
    (x, l) =>
      l.conv(
        slice(x, [
          { axis: 1, start: 2, end: 7 },
          { axis: 2, start: 1, end: 11 },
          { axis: 3, start: 1, end: 11 },
        ]),
        4,
      ),
  ],
  ["Gather", (x, l) => l.conv(gather(x, l.graph.integers([7, 0, 5, 2, 1, 3, 6, 4]), 1), 4)],
  ["Pad", (x) => operators.pad(x, [0, 0, 1, 2, 0, 0, 1, 0], "reflect")],
  ["MaxPool", (x) => operators.maxPool(x, [2, 2]).output],
  ["AveragePool", one(operators.AveragePool, { kernel_shape: ints([2, 2]) })],
  ["DepthToSpace", (x) => operators.pixelShuffle(x, 2)],
  ["DepthToSpace", one(operators.DepthToSpace, { blocksize: int(2), mode: text("DCR") })],
  ["SpaceToDepth", one(operators.SpaceToDepth, { blocksize: int(2) })],
  ["Resize", (x) => operators.resizeNearest(x, 2)],
  [
    "Expand Shape",
    (x) => single(operators.Expand, [operators.reduceMean(x, { axes: [2, 3], keep: true }), operators.shapeOf(x)]),
  ],
  ["Tile", (x) => single(operators.Tile, [x, x.graph.integers([1, 1, 2, 1])])],
  ...REDUCTIONS.map((operator) => [operator.name, one(operator, { axes: ints([3]) })] as const),
  ["ReduceLogSum", (x) => single(operators.ReduceLogSum, [add(single(operators.Abs, [x]), 1)], { axes: ints([2]) })],
  ["ReduceSum", (x) => operators.reduceSum(x, { axes: [2, 3], keep: true })],
  ["Softmax", one(operators.Softmax, { axis: int(3) })],
  ["LogSoftmax", one(operators.LogSoftmax, { axis: int(2) })],
  ["LpNormalization", one(operators.LpNormalization, { axis: int(2) })],
  [
    "InstanceNormalization",
    (x, l) =>
      single(operators.InstanceNormalization, [x, l.parameter([CHANNELS]), l.parameter([CHANNELS])], {
        epsilon: float(1e-3),
      }),
  ],
];

function modelOf(build: Build): Model {
  const layers = new Layers();
  const features = layers.conv(mul(layers.image, 1 / 255), CHANNELS, { side: 3 });
  const made = layers.conv(build(features, layers), 3);
  layers.graph.output("result", made);
  return importedModel(layers.graph);
}

/** The network as if nothing read unit `u` of a group: its weights there are 0. */
function withoutReading(model: Model, { first, axes }: ChannelGroup, u: number): Model {
  const { unitsOf } = channelAnalysis(model);
  const parameters = new Map(model.parameters);
  for (const { parameter, axis } of axes.filter(({ role }) => role === "reads")) {
    const { shape, data } = parameters.get(parameter.name) as { shape: readonly number[]; data: Float32Array };
    const inner = elements(shape.slice(axis + 1));
    const units = unitsOf(parameter, axis) ?? [];
    const zeroed = data.map((value, i) =>
      units[Math.floor(i / inner) % (shape[axis] as number)] === first + u ? 0 : value,
    );
    parameters.set(parameter.name, { shape, data: zeroed });
  }
  return { ...model, parameters };
}

/** The network without unit `u` of group `g`. */
function without(model: Model, g: number, u: number): Model {
  const analysis = channelAnalysis(model);
  const { size } = analysis.groups[g] as ChannelGroup;
  const others = Array.from({ length: size }, (_, i) => i).filter((i) => i !== u);
  const last = align(
    model,
    analysis.groups.map((_, i) => (i === g ? { kind: "order", order: [...others, u] } : undefined)),
  );
  const counts = analysis.groups.map((group, i) => (i === g ? size - 1 : group.size));
  return { ...model, parameters: materialise(last.parameters, splitByCounts(model.places.values(), analysis, counts)) };
}

describe("a channel that is dropped is one that nothing reads", () => {
  it.each(BUILDS)("%s", async (_, build) => {
    const model = modelOf(build);
    const { groups, pins } = channelAnalysis(model);
    expect(pins).toEqual([]);
    expect(groups.length).toBeGreaterThan(0);
    const patches = randomPatches(2);
    for (const [g, group] of groups.entries()) {
      if (group.size < 2) continue;
      const u = (3 * g + 1) % group.size;
      const unread = await outputOf(withoutReading(model, group, u), patches);
      const dropped = await outputOf(without(model, g, u), patches);
      expect(rootMeanSquare(dropped, unread)).toBeLessThanOrEqual(1e-5 * rootMeanSquare(unread));
    }
  });
});

it("isn't followed where tied channels are shuffled", () => {
  const { pins } = channelAnalysis(
    modelOf((x, l) => l.conv(gather(x, l.graph.integers([7, 0, 5, 2, 1, 3, 6, 4]), 1), 4, { group: 2 })),
  );
  expect(pins[0]?.reason).toMatch(/^Gather .*it shuffles channels that are tied to each other$/);
});

it("shows every operator that is said to leave channels apart", () => {
  const shown = new Set(BUILDS.flatMap(([names]) => names.split(" ")));
  const declared = operators.OPERATORS.filter(({ channels, domain }) => channels !== undefined && domain === "");
  expect(declared.map(({ name }) => name).filter((name) => !shown.has(name))).toEqual([]);
});
