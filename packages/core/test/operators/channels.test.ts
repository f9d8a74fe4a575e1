import { describe, expect, it } from "vitest";
import { type Freedom, Graph, int, ints, type Operator, type Value } from "../../src/graph/index.js";
import { analyseChannels } from "../../src/model/channels.js";
import { single } from "../../src/operators/apply.js";
import {
  AveragePool,
  cast,
  conv,
  Expand,
  expand,
  GlobalMaxPool,
  greater,
  InstanceNormalization,
  LpNormalization,
  mul,
  ReduceL2,
  ReduceLogSumExp,
  ReduceMax,
  reduceMean,
  resizeNearest,
  resizeTo,
  Softmax,
  SpaceToDepth,
  shapeOf,
  sin,
  Tile,
  where,
} from "../../src/operators/index.js";

const CHANNELS = 8;

/** The groups of an image's features, of what is made of them and read by a convolution again. */
function groupsOf(build: (features: Value) => Value) {
  const graph = new Graph("features");
  const image = graph.input("lr", [1, 3, 8, 8]);
  const features = conv(image, graph.input("a.weight", [CHANNELS, 3, 1, 1]));
  const made = build(features);
  graph.output("sr", conv(made, graph.input("b.weight", [3, made.shape[1] as number, 1, 1])));
  return analyseChannels(graph, [image]).groups;
}

const reduce = (operator: Operator, x: Value, axes: readonly number[] = [2, 3]): Value =>
  single(operator, [x], { axes: ints(axes) });

describe("channels that are acted on one by one", () => {
  it.each<[string, Freedom, (x: Value) => Value]>([
    ["a resize by a number", "linear", (x) => resizeNearest(x, 2)],
    ["a resize to a size that is computed", "linear", (x) => resizeTo(x, shapeOf(x))],
    ["copies along rows", "linear", (x) => single(Tile, [x, x.graph.integers([1, 1, 2, 1])])],
    ["copies of a mean", "linear", (x) => single(Expand, [reduceMean(x, { axes: [2], keep: true }), shapeOf(x)])],
    ["copies to a stated height", "linear", (x) => expand(reduceMean(x, { axes: [2], keep: true }), [1, 8, 1])],
    ["mean pooling", "linear", (x) => single(AveragePool, [x], { kernel_shape: ints([2, 2]) })],
    ["the largest of all", "scaling", (x) => mul(single(GlobalMaxPool, [x]), 1)],
    ["means", "linear", (x) => reduceMean(x, { axes: [2, 3], keep: true })],
    ["norms", "scaling", (x) => reduce(ReduceL2, x)],
    ["extremes", "scaling", (x) => reduce(ReduceMax, x, [-1])],
    ["soft extremes", "permutation", (x) => reduce(ReduceLogSumExp, x)],
    ["a softmax along rows", "permutation", (x) => single(Softmax, [x])],
    ["a norm along columns", "permutation", (x) => single(LpNormalization, [x], { axis: int(2) })],
    ["a mask", "permutation", (x) => where(greater(x, 0), x, mul(x, 0.1))],
    ["a cast", "permutation", (x) => cast(greater(x, 0.5), "float32")],
    ["a function", "permutation", (x) => sin(x)],
  ])("stay one group of theirs: %s", (_, freedom, build) => {
    const groups = groupsOf(build);
    expect(groups).toMatchObject([{ size: CHANNELS, freedom }]);
    expect(groups[0]?.axes).toHaveLength(2);
  });

  it("take a normalisation's parameters with them", () => {
    const names = ["scale", "bias"];
    const parameters = ({ graph }: Value) => names.map((name) => graph.input(name, [CHANNELS]));
    const [group, ...others] = groupsOf((x) => single(InstanceNormalization, [x, ...parameters(x)]));
    expect(others).toEqual([]);
    expect(group?.freedom).toBe("permutation");
    const scaled = group?.axes.filter(({ role }) => role === "scales");
    expect(scaled?.map(({ parameter }) => parameter.name)).toEqual(names);
  });

  it("occur once for each of their sub-pixels, where these become channels", () => {
    const graph = new Graph("space");
    const image = graph.input("lr", [1, 3, 8, 8]);
    const features = conv(image, graph.input("a.weight", [2, 3, 1, 1]));
    const spread = single(SpaceToDepth, [features], { blocksize: int(2) });
    const read = graph.input("b.weight", [3, 8, 1, 1]);
    graph.output("sr", conv(spread, read));
    expect(analyseChannels(graph, [image]).unitsOf(read, 1)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  });
});

it("may be dropped from what is made of all of them, which is one channel that stays", () => {
  const [group, ...others] = groupsOf((x) => reduceMean(x, { axes: [1], keep: true }));
  expect(others).toEqual([]);
  expect(group).toMatchObject({ size: CHANNELS, freedom: "permutation" });
  expect(group?.axes.map(({ parameter }) => parameter.name)).toEqual(["a.weight"]);
});

describe("channels that stay", () => {
  it("are those that a stated size names", () => {
    expect(groupsOf((x) => resizeTo(x, x.graph.integers([1, CHANNELS, 16, 16])))).toEqual([]);
    expect(groupsOf((x) => expand(x, [1, CHANNELS, 8, 8]))).toEqual([]);
  });

  it.each<[string, (x: Value) => Value]>([
    ["a softmax", (x) => single(Softmax, [x], { axis: int(1) })],
    ["copies", (x) => single(Tile, [x, x.graph.integers([1, 2, 1, 1])])],
  ])("are those that are mixed: %s", (_, build) => {
    expect(groupsOf(build)).toEqual([]);
  });
});
