import { describe, expect, it } from "vitest";
import { evaluate, floats } from "../../../../test/support/engine.js";
import { Random } from "../../../../test/support/random.js";
import { float32 } from "../../../upscaler/src/engine/session.js";
import { mergeLinear } from "../../src/export/merge/index.js";
import { elements, Graph, liveNodes, type Shape, type Value } from "../../src/graph/index.js";
import { graphCost } from "../../src/model/cost.js";
import {
  add,
  conv,
  globalAveragePool,
  identity,
  mul,
  pixelShuffle,
  relu,
  sub,
  type WindowOptions,
} from "../../src/operators/index.js";

const random = new Random(7);

interface Layer extends WindowOptions {
  readonly group?: number;
  readonly bias?: boolean;
}

/** A convolution with random weights of about its input's size. */
function layer(x: Value, filters: number, side: number, { bias = true, ...options }: Layer = {}): Value {
  const shape = [filters, (x.shape[1] as number) / (options.group ?? 1), side, side];
  const size = Math.sqrt(3 / elements(shape.slice(1)));
  const weight = x.graph.constant(random.floats(elements(shape), -size, size), shape);
  const offsets = bias ? x.graph.constant(random.floats(filters, -1, 1), [filters]) : undefined;
  return conv(x, weight, offsets, options);
}

const same = (side: number): WindowOptions => ({ pads: Array(4).fill((side - 1) / 2) });

function graphOf(build: (x: Value) => Value, shape: Shape = [1, 3, 11, 13]): Graph {
  const graph = new Graph("stretch");
  graph.output("y", build(graph.input("x", shape)));
  return graph;
}

const operators = (graph: Graph): string[] => liveNodes(graph).map(({ operator }) => operator.name);

/** The largest difference of what two graphs make of one random image, by the pixels between a place and the border. */
async function differences(graph: Graph, other: Graph): Promise<number[]> {
  const { shape } = graph.inputs[0] as Value;
  const image = float32(new Random(3).floats(elements(shape), -1, 1), shape);
  const [a, b] = await Promise.all(
    [graph, other].map(async (each) => {
      const outputs = await evaluate(each, { x: float32(Float32Array.from(image.data as Float32Array), shape) });
      return { data: floats(outputs, "y"), shape: outputs.y?.shape };
    }),
  );
  expect(b?.shape).toEqual(a?.shape);
  const [height = 0, width = 0] = a?.shape?.slice(2) ?? [];
  const found: number[] = Array(Math.ceil(Math.min(height, width) / 2)).fill(0);
  a?.data.forEach((value, i) => {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    const inside = Math.min(x, y, width - 1 - x, height - 1 - y);
    found[inside] = Math.max(found[inside] as number, Math.abs(value - (b?.data[i] as number)));
  });
  return found;
}

const ROUNDING = 1e-5;

/** Merging leaves one convolution, and differs at just as many pixels along the border as it says. */
async function expectMerged(graph: Graph, border: number, left = ["Conv"]): Promise<void> {
  const merged = mergeLinear(graph, { most: 100 });
  expect(operators(merged.graph)).toEqual(left);
  expect(merged.border).toBe(border);
  expect(graphCost(merged.graph).macs).toBeLessThanOrEqual(graphCost(graph).macs);
  const found = await differences(graph, merged.graph);
  expect(Math.max(...found.slice(border))).toBeLessThan(ROUNDING);
  if (border > 0) expect(found[border - 1]).toBeGreaterThan(ROUNDING);
}

describe("two convolutions are one", () => {
  const sides = [1, 3, 5].flatMap((first) => [1, 3, 5].map((second) => [first, second] as const));
  it.each(sides)("of sides %i and %i, up to the zeros around the second's input", async (first, second) => {
    const graph = graphOf((x) => layer(layer(x, 40, first, same(first)), 2, second, same(second)));
    await expectMerged(graph, (second - 1) / 2);
  });

  it.each<[string, (x: Value) => Value]>([
    ["the second has no zeros around", (x) => layer(layer(x, 40, 3, same(3)), 2, 3)],
    ["the first is of one pixel, without bias", (x) => layer(layer(x, 40, 1, { bias: false }), 2, 3, same(3))],
    [
      "the first sees nothing from beyond its zeros, and has no bias",
      (x) => layer(layer(x, 40, 3, { bias: false, pads: [2, 2, 2, 2] }), 2, 3, same(3)),
    ],
    ["the zeros are unlike", (x) => layer(layer(x, 40, 3, { pads: [0, 2, 1, 0] }), 2, 3)],
    ["the second is of one pixel behind a dilated one", (x) => layer(layer(x, 9, 3, { dilations: [2, 1] }), 3, 1)],
    ["the second is dilated behind one of one pixel", (x) => layer(layer(x, 40, 1), 2, 3, { dilations: [1, 2] })],
    ["the second skips pixels", (x) => layer(layer(x, 40, 3, same(3)), 2, 2, { strides: [2, 3] })],
    ["both work in groups", (x) => layer(layer(x, 60, 3, { ...same(3), group: 3 }), 6, 1, { group: 3 })],
    ["there is an identity between", (x) => layer(identity(layer(x, 40, 1)), 2, 1)],
  ])("to the border where %s", async (_, build) => {
    await expectMerged(graphOf(build), 0);
  });

  it("and so are three, of which two wouldn't pay", async () => {
    const graph = graphOf((x) => layer(layer(layer(x, 12, 1), 12, 1), 1, 1));
    expect(graphCost(graph).macs).toBeGreaterThan(graphCost(mergeLinear(graph, { most: 0 }).graph).macs);
    await expectMerged(graph, 0);
  });

  it.each<[string, (x: Value) => Value]>([
    ["that costs more", (x) => layer(layer(x, 3, 3, same(3)), 3, 3)],
    ["something else reads the first", (x) => layers(x, (y, z) => add(globalAveragePool(y), z))],
    ["a function is between", (x) => layer(relu(layer(x, 40, 3)), 2, 1)],
    ["the first skips pixels", (x) => layer(layer(x, 40, 3, { strides: [2, 2] }), 2, 1)],
    ["their groups differ", (x) => layer(layer(x, 60, 3, { group: 3 }), 2, 1)],
    ["both are dilated", (x) => layer(layer(x, 40, 2, { dilations: [2, 2] }), 2, 2, { dilations: [2, 2] })],
  ])("but not where %s", (_, build) => {
    const graph = graphOf(build);
    expect(operators(mergeLinear(graph, { most: 100 }).graph)).toEqual(operators(graph));
  });

  it("but not where the first is asked for", () => {
    const graph = graphOf((x) => layer(layer(x, 40, 3), 2, 1));
    graph.output("z", (graph.outputs.get("y") as Value).producer?.inputs[0] as Value);
    expect(operators(mergeLinear(graph, { most: 100 }).graph)).toEqual(["Conv", "Conv"]);
  });

  it("but not where more pixels would differ than may, counted at the output", () => {
    const deep = (x: Value) => layer(relu(layer(layer(x, 40, 3, same(3)), 2, 3, same(3))), 4, 5, same(5));
    const graph = graphOf((x) => pixelShuffle(deep(x), 2), [1, 3, 24, 24]);
    expect(mergeLinear(graph, { most: 5 })).toMatchObject({ border: 0 });
    expect(operators(mergeLinear(graph, { most: 5 }).graph)).toEqual(operators(graph));
    // A pixel, two more of the side of 5, enlarged by 2.
    expect(mergeLinear(graph, { most: 6 })).toMatchObject({ border: 6 });
    const everywhere = graphOf((x) => mul(x, globalAveragePool(layer(layer(x, 40, 3, same(3)), 3, 3, same(3)))));
    expect(mergeLinear(everywhere, { most: 1000 }).border).toBe(0);
  });
});

/** What is made of a convolution and of another of its output. */
function layers(x: Value, build: (first: Value, second: Value) => Value): Value {
  const first = layer(x, 40, 3);
  return build(first, layer(first, 40, 1));
}

describe("convolutions around a pixel shuffle are one before it", () => {
  const cases = [2, 3, 4].flatMap((r) => [1, 3, 5, 7].map((side) => [r, side] as const));
  it.each(cases)("of ×%i and a side of %i", async (r, side) => {
    const graph = graphOf((x) => layer(pixelShuffle(layer(x, 24 * r * r, 3, same(3)), r), 2, side, same(side)));
    await expectMerged(graph, (side - 1) / 2, ["Conv", "DepthToSpace"]);
  });

  it.each([
    [[2, 2], 3],
    [[3, 3], 4],
    [[2, 3], 4],
    [[3, 2], 3],
  ])("two shuffles %j between three are one", async (factors, border) => {
    const [r, s] = factors as [number, number];
    const graph = graphOf((x) => {
      const wide = layer(pixelShuffle(layer(x, 24 * r * r, 3, same(3)), r), 24 * s * s, 3, same(3));
      return layer(pixelShuffle(wide, s), 2, 3, same(3));
    });
    await expectMerged(graph, border, ["Conv", "DepthToSpace"]);
  });

  it("two shuffles without a convolution between are one, too", async () => {
    const graph = graphOf((x) => layer(pixelShuffle(pixelShuffle(layer(x, 24 * 36, 3, same(3)), 2), 3), 2, 3, same(3)));
    await expectMerged(graph, 1, ["Conv", "DepthToSpace"]);
  });
});

describe("a sum of convolutions of one value is one", () => {
  it.each<[string, (x: Value) => Value]>([
    ["of sides 3 and 1, and of the value itself", (x) => add(add(layer(x, 3, 3, same(3)), layer(x, 3, 1)), x)],
    ["the value less its convolution", (x) => sub(x, layer(x, 3, 3, same(3)))],
    ["a convolution less the value", (x) => sub(layer(x, 3, 3, same(3)), x)],
    ["twice the same", (x) => ((y: Value) => add(y, y))(layer(x, 5, 3))],
    ["in groups", (x) => add(layer(x, 3, 3, { ...same(3), group: 3 }), x)],
    ["of unlike zeros", (x) => add(layer(x, 4, 3, same(3)), layer(x, 4, 2, { pads: [0, 1, 1, 0] }))],
    [
      "dilated, and a single pixel",
      (x) => add(layer(x, 4, 3, { pads: [2, 2, 2, 2], dilations: [2, 2] }), layer(x, 4, 1)),
    ],
    [
      "that skip pixels",
      (x) => add(layer(x, 3, 1, { strides: [2, 2] }), layer(x, 3, 3, { ...same(3), strides: [2, 2] })),
    ],
    ["behind another", (x) => add(layer(layer(x, 40, 3, same(3)), 3, 1), x)],
  ])("%s", async (_, build) => {
    await expectMerged(graphOf(build), 0);
  });

  it.each<[string, (x: Value) => Value]>([
    ["they read unlike values", (x) => add(layer(x, 3, 3, same(3)), layer(relu(x), 3, 1))],
    ["a function is between", (x) => add(relu(layer(x, 3, 3, same(3))), x)],
    ["one is spread over the other", (x) => add(layer(x, 1, 1), layer(x, 4, 1))],
  ])("but not where %s", (_, build) => {
    const graph = graphOf(build);
    expect(operators(mergeLinear(graph, { most: 100 }).graph)).toEqual(operators(graph));
  });
});

it("convolutions in their thousands are merged in no time", () => {
  const graph = graphOf((x) => {
    let y = x;
    for (let i = 0; i < 3000; i++) y = add(layer(relu(layer(y, 3, 1)), 3, 3, same(3)), y);
    return y;
  });
  const chain = graphOf((x) => {
    let y = x;
    for (let i = 0; i < 3000; i++) y = layer(y, 3, 3, same(3));
    return y;
  });
  const start = performance.now();
  expect(operators(mergeLinear(graph, { most: 2 }).graph)).toEqual(operators(graph));
  expect(operators(mergeLinear(chain, { most: 2 }).graph)).toEqual(operators(chain));
  expect(performance.now() - start).toBeLessThan(10_000);
});

describe("a border of its own", () => {
  const tail = (factors: readonly number[]) => (x: Value) => {
    const features = relu(layer(x, 8, 3, same(3)));
    const enlarged = factors.reduce((y, r) => pixelShuffle(layer(y, 8 * r ** 2, 3, same(3)), r), features);
    return layer(enlarged, 3, 3, same(3));
  };
  const isOwn = true;

  it.each([
    ["×2", [2], 1, 1],
    ["×3", [3], 1, 1],
    ["×4", [2, 2], 3, 2],
  ] as const)(
    "is what the convolutions make of it at %s, for any size of at least its sides",
    async (_, factors, border, least) => {
      for (const [height, width] of [
        [least, least],
        [least, 9],
        [7, least + 1],
        [11, 13],
      ] as const) {
        const graph = graphOf(tail(factors), [1, 3, height, width]);
        const merged = mergeLinear(graph, { most: 4, isOwn });
        expect(merged.border).toBe(border);
        expect(Math.max(...(await differences(graph, merged.graph)))).toBeLessThan(ROUNDING);
      }
      const [own, plain] = [32, 256].map((side) => {
        const graph = graphOf(tail(factors), [1, 3, side, side]);
        return graphCost(mergeLinear(graph, { most: 4, isOwn }).graph).macs / graphCost(graph).macs;
      }) as [number, number];
      expect(plain).toBeLessThan(own);
      expect(plain).toBeLessThan(1);
    },
  );

  it("is left where a stretch doesn't keep its image's size", () => {
    const graph = graphOf((x) => layer(relu(layer(layer(x, 40, 3, { pads: [0, 0, 0, 0] }), 2, 3, same(3))), 2, 1));
    expect(mergeLinear(graph, { most: 100 }).border).toBeGreaterThan(0);
    expect(operators(mergeLinear(graph, { most: 100, isOwn }).graph)).toEqual(operators(graph));
  });
});
