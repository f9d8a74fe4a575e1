import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { edsr } from "../../../../test/support/networks.js";
import { Random } from "../../../../test/support/random.js";
import { relativeError } from "../../../slimsr/src/parity/compare.js";
import { trainingStep } from "../../../slimsr/src/training/step.js";
import { contrastive, stepOptions } from "../../../slimsr/test/training/batches.js";
import type { Tensors } from "../../../upscaler/src/engine/session.js";
import { differentiate } from "../../src/differentiate/index.js";
import { elements, Graph, liveNodes, type Value } from "../../src/graph/index.js";
import { lowerForWebgpu } from "../../src/lowering/webgpu/index.js";
import {
  cast,
  conv,
  greater,
  matMul,
  mul,
  reduceL1,
  reduceSum,
  reduceSumSquare,
  sign,
  slice,
  sum,
  type WindowOptions,
} from "../../src/operators/index.js";

const feedsOf = (graph: Graph, random = new Random(1)): Tensors =>
  Object.fromEntries(
    graph.inputs.map(({ name, shape }) => [name, tensor(shape, random.floats(elements(shape), -1, 1))]),
  );

/** Both ways of writing a graph give the same. */
async function expectSame(graph: Graph, bound = 1e-5): Promise<void> {
  const feeds = feedsOf(graph);
  const [portable, ours] = [await evaluate(graph, feeds), await evaluate(graph, feeds, lowerForWebgpu)];
  for (const name of graph.outputs.keys()) {
    expect(ours[name]?.shape).toEqual(portable[name]?.shape);
    expect(relativeError(floats(ours, name), floats(portable, name)), name).toBeLessThan(bound);
  }
}

/** Names of the operators that a graph comes down to, and how often each is there. */
function operatorsOf(graph: Graph): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { operator } of liveNodes(lowerForWebgpu(graph)))
    counts.set(operator.name, (counts.get(operator.name) ?? 0) + 1);
  return counts;
}

describe("the gradient of a convolution's weight", () => {
  const around = (size: number) => ({ pads: [size, size, size, size] });
  const cases: [string, readonly number[], readonly number[], WindowOptions & { group?: number }][] = [
    ["3×3", [2, 8, 6, 7], [16, 8, 3, 3], around(1)],
    ["of as many filters as channels", [2, 4, 5, 5], [4, 4, 3, 3], around(1)],
    ["of fewer filters than channels", [3, 8, 6, 5], [3, 8, 3, 3], around(1)],
    ["of fewer filters, unevenly padded", [2, 6, 6, 5], [4, 6, 3, 2], { pads: [0, 1, 2, 0] }],
    ["of fewer filters, padded by more than the kernel", [1, 8, 4, 4], [2, 8, 2, 2], around(3)],
    ["of fewer filters, dilated", [2, 8, 9, 8], [3, 8, 3, 2], { dilations: [2, 3], pads: [2, 0, 1, 3] }],
    ["of fewer filters, in strides", [2, 8, 9, 8], [3, 8, 3, 3], { strides: [2, 3], ...around(1) }],
    ["in strides and dilated", [2, 3, 11, 9], [5, 3, 3, 3], { strides: [2, 1], dilations: [1, 2], pads: [1, 2, 0, 1] }],
    ["1×1", [2, 5, 4, 3], [7, 5, 1, 1], {}],
    ["1×1 of fewer filters", [2, 7, 4, 3], [5, 7, 1, 1], {}],
    ["1×1 in strides", [2, 5, 5, 4], [7, 5, 1, 1], { strides: [2, 2] }],
    ["without pads", [1, 6, 5, 5], [6, 6, 3, 3], {}],
    ["as large as the image", [2, 3, 4, 5], [2, 3, 4, 5], {}],
    ["in groups", [2, 6, 6, 5], [9, 2, 3, 3], { group: 3, ...around(1) }],
    ["a channel a group, in strides", [2, 4, 7, 6], [8, 1, 3, 3], { group: 4, strides: [2, 2], ...around(1) }],
    ["of more than a kernel can bind at once", [1, 4, 267, 267], [4, 4, 12, 12], {}],
  ];

  it.each(cases)("%s", async (_, input, weight, options) => {
    const graph = new Graph("convolution");
    const [x, w] = [graph.input("x", input), graph.input("w", weight)];
    const y = conv(x, w, undefined, options);
    const [dw] = differentiate(reduceSum(mul(y, graph.input("weights", y.shape))), [w]) as [Value];
    graph.output("dw", dw);
    await expectSame(graph);
  });

  it("copies for each tap what has fewer channels, in fours", () => {
    const copied = (input: readonly number[], weight: readonly number[]) => {
      const graph = new Graph("convolution");
      const [x, w] = [graph.input("x", input), graph.input("w", weight)];
      const y = conv(x, w, undefined, around(1));
      graph.output("dw", differentiate(reduceSum(mul(y, y)), [w])[0] as Value);
      const gather = liveNodes(lowerForWebgpu(graph)).find(({ operator }) => operator.name === "Gather");
      return gather?.outputs[0]?.shape;
    };
    expect(copied([2, 16, 5, 6], [3, 16, 3, 3])).toEqual([2, 30 * 9, 4]);
    expect(copied([2, 3, 5, 6], [16, 3, 3, 3])).toEqual([2, 30 * 9, 4]);
  });
});

it.each([
  ["sums", reduceSum],
  ["sums of absolute values", reduceL1],
  ["sums of squares", reduceSumSquare],
])("%s of many elements are added up in parts", async (_, reduce) => {
  const graph = new Graph("reductions");
  const x = graph.input("x", [3, 5, 26, 27]);
  graph.output("all", reduce(x));
  graph.output("all_kept", reduce(x, { keep: true }));
  graph.output("channels", reduce(x, { axes: [0, 2, 3] }));
  graph.output("channels_kept", reduce(x, { axes: [0, 2, 3], keep: true }));
  graph.output("others", reduce(x, { axes: [1, 3] }));
  graph.output("whole", reduce(graph.input("vector", [4096])));
  graph.output("few", reduce(graph.input("short", [7])));
  await expectSame(graph);
});

it("writes what has no kernel with what has one", async () => {
  const graph = new Graph("operators");
  const [x, y] = [graph.input("x", [2, 3, 4]), graph.input("y", [2, 5, 4])];
  graph.output("sum", sum([x, mul(x, 2), mul(x, x)]));
  graph.output("sign", sign(slice(mul(x, cast(greater(x, 0), "float32")), [{ axis: 1, start: 0, end: 2 }])));
  graph.output("right", matMul(x, y, { transposeRight: true, scale: 0.5 }));
  graph.output("left", matMul(x, graph.input("z", [2, 3, 6]), { transposeLeft: true }));
  await expectSame(graph);
  const operators = operatorsOf(graph);
  for (const name of ["Sum", "Sign", "FusedMatMul", "Cast"]) expect(operators.has(name), name).toBe(false);
});

it("says of what is no number that its sign is none", async () => {
  const graph = new Graph("sign");
  graph.output("y", sign(graph.input("x", [4])));
  const outputs = await evaluate(graph, { x: tensor([4], [-2, 0, 3, Number.NaN]) }, lowerForWebgpu);
  expect([...floats(outputs, "y")]).toEqual([-1, 0, 1, Number.NaN]);
});

describe("slices of a vector", () => {
  const cutAt = (ends: readonly number[], size: number): Graph => {
    const graph = new Graph("cuts");
    const vector = graph.input("vector", [size]);
    ends.forEach((end, i) => {
      graph.output(`part.${i}`, mul(slice(vector, [{ axis: 0, start: ends[i - 1] ?? 0, end }]), i + 1));
    });
    return graph;
  };

  it.each([2, 7, 8, 49, 60])("that make it up, %i, are outputs of Splits of seven at most", async (count) => {
    const ends = Array.from({ length: count }, (_, i) => i + 1 + Math.floor(i / 2));
    const graph = cutAt(ends, ends.at(-1) as number);
    await expectSame(graph);
    expect(operatorsOf(graph).has("Slice")).toBe(false);
    const splits = liveNodes(lowerForWebgpu(graph)).filter(({ operator }) => operator.name === "Split");
    expect(Math.max(...splits.map(({ outputs }) => outputs.length))).toBeLessThanOrEqual(7);
    expect(splits.length).toBeLessThanOrEqual(Math.ceil(count / 4));
  });

  it("that leave some out stay", async () => {
    const graph = cutAt([2, 5, 8], 9);
    await expectSame(graph);
    expect(operatorsOf(graph).get("Slice")).toBe(3);
  });

  it("that overlap, or are read with steps, stay", async () => {
    const graph = new Graph("cuts");
    const vector = graph.input("vector", [6]);
    graph.output("overlapping", slice(vector, [{ axis: 0, start: 0, end: 4 }]));
    graph.output("rest", slice(vector, [{ axis: 0, start: 3, end: 6 }]));
    graph.output("even", slice(vector, [{ axis: 0, start: 0, end: 6, step: 2 }]));
    await expectSame(graph);
    expect(operatorsOf(graph).get("Slice")).toBe(3);
  });
});

it("leaves in a training step nothing for the processor but the numbers that depend on its count", () => {
  const step = trainingStep({ ...stepOptions(edsr(2, { features: 8, blocks: 1 })), contrastive: contrastive() });
  const operators = operatorsOf(step);
  for (const name of ["FusedMatMul", "Sum", "Sign", "Or", "And"]) expect(operators.has(name), name).toBe(false);
  const doubles = liveNodes(lowerForWebgpu(step)).flatMap(({ outputs }) =>
    outputs.filter((y) => y.dtype === "float64"),
  );
  expect(Math.max(...doubles.map(({ shape }) => elements(shape)))).toBe(1);
});
