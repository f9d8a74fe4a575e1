import { describe, expect, it } from "vitest";
import { carn, edsr, rcan } from "../../../../test/support/networks.js";
import { type Freedom, int, type Value } from "../../src/graph/index.js";
import { analyseChannels, type ChannelAnalysis } from "../../src/model/channels.js";
import { type NetworkOptions, structure } from "../../src/networks/index.js";
import {
  abs,
  add,
  concat,
  conv,
  DepthToSpace,
  div,
  expand,
  globalAveragePool,
  matMul,
  mul,
  pixelShuffle,
  prelu,
  relu,
  reshape,
  sigmoid,
  sub,
  sum,
  Transpose,
} from "../../src/operators/index.js";
import { Builder, show } from "./channel-graphs.js";

function analyse(network: NetworkOptions): ChannelAnalysis {
  const { graph, shapes } = structure(network);
  return analyseChannels(
    graph,
    graph.inputs.filter(({ name }) => !shapes.has(name)),
  );
}

describe("channel groups", () => {
  it("of EDSR: the trunk, each block's inside, each shuffle's output", () => {
    expect(show(analyse(edsr(4, { blocks: 1 })))).toEqual([
      [
        "body.0.conv1.weight:1",
        "body.0.conv2.bias:0",
        "body.0.conv2.weight:0",
        "body_conv.bias:0",
        "body_conv.weight:0",
        "body_conv.weight:1",
        "head.bias:0",
        "head.weight:0",
        "upsampler.blocks.0.weight:1",
      ],
      ["body.0.conv1.bias:0", "body.0.conv1.weight:0", "body.0.conv2.weight:1"],
      ["upsampler.blocks.0.bias:0", "upsampler.blocks.0.weight:0", "upsampler.blocks.1.weight:1"],
      ["tail.weight:1", "upsampler.blocks.1.bias:0", "upsampler.blocks.1.weight:0"],
    ]);
  });

  it("of RCAN: the gates' outputs belong to the trunk, their bottlenecks to themselves", () => {
    const groups = show(analyse(rcan(2, { groups: 1, blocks: 1 })));
    expect(groups[0]).toEqual(
      expect.arrayContaining(["body.0.body.0.down.weight:1", "body.0.body.0.up.weight:0", "head.weight:0"]),
    );
    expect(groups).toContainEqual([
      "body.0.body.0.down.bias:0",
      "body.0.body.0.down.weight:0",
      "body.0.body.0.up.weight:1",
    ]);
    expect(groups).toHaveLength(4);
  });

  it("of CARN: a fusion reads the groups of all its parts", () => {
    const { groups } = analyse(carn(2));
    const readBy = (name: string) => groups.filter(({ axes }) => axes.some(({ parameter }) => parameter.name === name));
    // A residual unit's output is tied to its input: the first two parts are one group. The last group is what a fusion writes.
    expect(readBy("body.units.0.fuse.0.weight")).toHaveLength(1 + 1);
    expect(readBy("body.units.0.fuse.2.weight")).toHaveLength(3 + 1);
  });

  it("have as many units as channels, numbered without gaps", () => {
    for (const network of [edsr(3), rcan(4), carn(4), carn(3, { variant: "original" })]) {
      const { groups } = analyse(network);
      let next = 0;
      for (const { size, first } of groups) {
        expect(first).toBe(next);
        next += size;
      }
    }
  });

  it("say where channels may be mixed: not where an activation or a gate acts on them", () => {
    const freedoms = (network: NetworkOptions) =>
      Object.fromEntries(
        analyse(network).groups.map(({ axes, freedom }) => [axes[0]?.parameter.name.replace(".weight", ""), freedom]),
      );
    expect(freedoms(edsr(2, { blocks: 1 }))).toEqual({
      head: "linear",
      "body.0.conv1": "scaling",
      "upsampler.blocks.0": "linear",
    });
    expect(freedoms(rcan(2)).head).toBe("permutation");
    expect(freedoms(carn(2)).head).toBe("linear");
    // ReLUs alone: positive factors pass through them.
    expect(freedoms(carn(2, { variant: "original" })).head).toBe("scaling");
    expect(freedoms(carn(2, { variant: "original" }))["upsampler.blocks.0"]).toBe("scaling");
  });
});

describe("freedom of channels", () => {
  const number = (x: Value) => x.graph.constant(Float32Array.of(2), [1]);
  const perChannel = (x: Value) => x.graph.constant(new Float32Array(4).fill(2), [4, 1, 1], { name: "offsets" });

  it.each<[string, (x: Value) => Value, Freedom]>([
    ["x + number", (x) => add(x, 2), "permutation"],
    ["number + x", (x) => add(number(x), x), "permutation"],
    ["x − number", (x) => sub(x, number(x)), "permutation"],
    ["number − x", (x) => sub(1, x), "permutation"],
    ["x + x + number", (x) => sum([x, x, number(x)]), "permutation"],
    ["|x| − number", (x) => sub(abs(x), 1), "permutation"],
    ["x + a number a channel", (x) => add(x, perChannel(x)), "linear"],
    ["a number a channel − x", (x) => sub(perChannel(x), x), "linear"],
    ["|x| − a number a channel", (x) => sub(abs(x), perChannel(x)), "scaling"],
    ["relu(x + a number a channel)", (x) => relu(add(x, perChannel(x))), "scaling"],
    ["relu(x + number)", (x) => relu(add(x, 2)), "permutation"],
    ["x · number", (x) => mul(x, 2), "linear"],
    ["number · x", (x) => mul(number(x), x), "linear"],
    ["x / number", (x) => div(x, number(x)), "linear"],
    ["number / x", (x) => div(2, x), "permutation"],
    ["x · x", (x) => mul(x, x), "permutation"],
  ])("%s", (_, build, freedom) => {
    const b = new Builder();
    const { groups } = b.analyse(b.conv("tail", build(b.conv("a", b.image, 4)), 3));
    expect(groups.map((group) => group.freedom)).toEqual([freedom]);
  });

  it("of a single channel: a number that is added to it is written along with it", () => {
    const b = new Builder();
    const offset = b.graph.constant(Float32Array.of(2), [1, 1, 1], { name: "offset" });
    const [group] = b.analyse(b.conv("tail", add(b.conv("a", b.image, 1), offset), 3)).groups;
    expect(group).toMatchObject({ size: 1, freedom: "linear" });
    expect(group?.axes).toContainEqual({ parameter: offset, axis: 0, role: "writes" });
  });
});

describe("images", () => {
  it("stay images through 1×1 convolutions of as many channels, before the layers and behind them", () => {
    const b = new Builder();
    const image = b.conv("colours", b.conv("sub_mean", mul(b.image, 1 / 255), 3), 3);
    const body = add(b.conv("body", relu(b.conv("head", image, 8)), 8), b.conv("skip", image, 8));
    const { groups, ...analysis } = b.analyse(mul(b.conv("add_mean", b.conv("tail", body, 3), 3), 255));
    expect(groups.map(({ size }) => size)).toEqual([8, 8]);
    for (const name of ["colours", "sub_mean", "add_mean"]) {
      for (const axis of [0, 1]) expect(b.units({ groups, ...analysis }, name, axis)).toBeUndefined();
    }
    expect(b.units({ groups, ...analysis }, "tail", 0)).toBeUndefined();
    expect(b.units({ groups, ...analysis }, "head", 1)).toBeUndefined();
  });

  it("end where a convolution sees more than a pixel, changes the number of channels or comes after a layer", () => {
    const b = new Builder();
    const wide = conv(b.image, b.graph.input("wide", [3, 3, 3, 3]), undefined, { pads: [1, 1, 1, 1] });
    const more = b.conv("back", b.conv("more", wide, 4), 4);
    const { groups } = b.analyse(b.conv("tail", relu(b.conv("inner", relu(more), 3)), 3));
    expect(groups.map(({ size }) => size)).toEqual([3, 4, 4]);
  });
});

describe("units of channels", () => {
  it("are shared by all that is added up, and fixed where an image takes part", () => {
    const b = new Builder();
    const [a, c] = [b.conv("a", b.image, 4), b.conv("c", b.image, 4)];
    const analysis = b.analyse(b.conv("tail", add(a, c), 3));
    expect(b.units(analysis, "a", 0)).toEqual([0, 1, 2, 3]);
    expect(b.units(analysis, "c", 0)).toEqual([0, 1, 2, 3]);
    expect(b.units(analysis, "tail", 1)).toEqual([0, 1, 2, 3]);
    expect(b.units(analysis, "tail", 0)).toBeUndefined();
    expect(b.units(analysis, "a", 1)).toBeUndefined();
  });

  it("stay where a layer's output is added to the image", () => {
    const b = new Builder();
    const analysis = b.analyse(add(b.image, b.conv("a", b.image, 3)));
    expect(b.units(analysis, "a", 0)).toBeUndefined();
    expect(analysis.groups).toEqual([]);
  });

  it("are counted part by part in a concatenation, images' channels between them", () => {
    const b = new Builder();
    const [a, c] = [b.conv("a", b.image, 2), b.conv("c", b.image, 4)];
    const analysis = b.analyse(b.conv("tail", concat([a, b.image, c], 1), 3));
    const [of, to] = [b.units(analysis, "a", 0) ?? [], b.units(analysis, "c", 0) ?? []];
    expect(new Set([...of, ...to]).size).toBe(6);
    expect(b.units(analysis, "tail", 1)).toEqual([...of, undefined, undefined, undefined, ...to]);
  });

  it("tie the r² channels that a shuffle makes one, side by side or apart", () => {
    const adjacent = new Builder();
    const shuffled = adjacent.analyse(adjacent.conv("tail", pixelShuffle(adjacent.conv("a", adjacent.image, 8), 2), 3));
    expect(adjacent.units(shuffled, "a", 0)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(adjacent.units(shuffled, "tail", 1)).toEqual([0, 1]);
    const apart = new Builder();
    const y = apart.graph.apply(DepthToSpace, [apart.conv("a", apart.image, 8)], { blocksize: int(2) })[0] as Value;
    const analysis = apart.analyse(apart.conv("tail", y, 3));
    expect(apart.units(analysis, "a", 0)).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
  });

  it("pass through gates and slopes", () => {
    const b = new Builder();
    const x = relu(b.conv("a", b.image, 4));
    const gate = sigmoid(b.conv("up", relu(b.conv("down", globalAveragePool(x), 2)), 4));
    const slope = b.graph.input("slope", [4, 1, 1]);
    const analysis = b.analyse(b.conv("tail", prelu(mul(x, gate), slope), 3));
    const units = b.units(analysis, "a", 0);
    expect(b.units(analysis, "up", 0)).toEqual(units);
    expect(b.units(analysis, "slope", 0)).toEqual(units);
    expect(b.units(analysis, "tail", 1)).toEqual(units);
    expect(b.units(analysis, "down", 0)).toEqual(b.units(analysis, "up", 1));
    expect(b.units(analysis, "down", 0)).not.toEqual(units);
  });
});

describe("an operator whose effect on channels isn't known", () => {
  it.each<[string, (x: Value) => Value, RegExp]>([
    ["Reshape", (x) => reshape(x, [1, 2, 8, 4]), /^Reshape \(output Reshape_1\): its effect on channels is not known$/],
    ["MatMul", (x) => matMul(x, x), /^MatMul \(output MatMul_1\)/],
    [
      "a convolution by weights that the graph computes",
      (x) => conv(x, relu(x.graph.constant(new Float32Array(16), [4, 4, 1, 1], { name: "half" }))),
      /^Relu \(output Relu_1\): makes a layer's weights, which are no constants then$/,
    ],
    [
      "a convolution by an activation",
      (x) => conv(x, x.graph.apply(Transpose, [x])[0] as Value),
      /^Transpose|convolution by an activation/,
    ],
  ])("%s pins what reaches it, and is named", (_, build, message) => {
    const b = new Builder();
    const reached = b.conv("a", b.image, 4);
    const made = build(reached);
    const inner = b.conv("c", relu(b.conv("b", made, 6)), 3);
    const analysis = b.analyse(inner);
    expect(show(analysis)).toEqual([["b:0", "c:1"]]);
    expect(b.units(analysis, "a", 0)).toBeUndefined();
    expect(analysis.pins.map(({ reason }) => reason)).toEqual([expect.stringMatching(message)]);
    expect(analysis.pins[0]?.channels).toBe(4);
  });

  it("pins what doesn't follow where channels are dropped, such as a count that a file states", () => {
    const b = new Builder();
    const x = b.conv("a", b.image, 4);
    const y = mul(x, expand(b.graph.scalar(2), [1, 4, 1, 1]));
    const analysis = b.analyse(b.conv("c", relu(b.conv("b", y, 6)), 3));
    expect(show(analysis)).toEqual([["b:0", "c:1"]]);
    expect(analysis.pins).toHaveLength(1);
  });
});
