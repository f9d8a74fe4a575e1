import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../../test/support/engine.js";
import { BLOCK, LOWERINGS } from "../../../../../test/support/lowerings.js";
import { Random } from "../../../../../test/support/random.js";
import { differentiate } from "../../../src/differentiate/index.js";
import { spatialRules } from "../../../src/differentiate/rules/spatial.js";
import { GraphError } from "../../../src/errors.js";
import { Graph, int, ints, type Value } from "../../../src/graph/index.js";
import { conv, maxPool, mul, reduceSum, relu } from "../../../src/operators/index.js";
import { type GradientCase, testGradients } from "../gradients.js";

interface Convolution {
  batch?: number;
  channels: number;
  filters: number;
  size: readonly [number, number];
  kernel: readonly [number, number];
  pads?: readonly number[];
  strides?: readonly [number, number];
  dilations?: readonly [number, number];
  group?: number;
  bias?: boolean;
}

const show = ({ batch = 1, channels, filters, size, kernel, bias = true, ...rest }: Convolution): string =>
  [
    `${batch} × ${channels}→${filters}, ${size.join("×")} under ${kernel.join("×")}`,
    ...Object.entries(rest).map(([name, value]) => `${name} ${value}`),
    ...(bias ? [] : ["no bias"]),
  ].join(", ");

function convolution(settings: Convolution): GradientCase {
  const { batch = 1, channels, filters, size, kernel, bias = true, group = 1, ...window } = settings;
  return {
    name: show(settings),
    step: 0.5,
    inputs: [
      { shape: [batch, channels, ...size] },
      { shape: [filters, channels / group, ...kernel] },
      ...(bias ? [{ shape: [filters] }] : []),
    ],
    build: ([x, weight, b]) => conv(x as Value, weight as Value, b, { ...window, ...(group > 1 && { group }) }),
  };
}

/** Any geometry that fits. */
function randomConvolution(random: Random): Convolution {
  const pair = (low: number, high: number) => [random.integer(low, high), random.integer(low, high)] as const;
  const group = random.pick([1, 1, 2, 3]);
  const [kernel, dilations, pads] = [pair(1, 3), pair(1, 2), [...pair(0, 2), ...pair(0, 2)]];
  const size = [0, 1].map((i) => {
    const extent = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    return Math.max(1, extent - (pads[i] as number) - (pads[i + 2] as number)) + random.integer(0, 2);
  }) as unknown as [number, number];
  return {
    batch: random.integer(1, 2),
    channels: group * random.integer(1, 2),
    filters: group * random.integer(1, 2),
    size,
    kernel,
    pads,
    strides: pair(1, 3),
    dilations,
    group,
    bias: random.next() < 0.5,
  };
}

const random = new Random(3);

const convolutions: Convolution[] = [
  { channels: 1, filters: 1, size: [1, 1], kernel: [1, 1] },
  { channels: 2, filters: 3, size: [1, 1], kernel: [3, 3], pads: [1, 1, 1, 1] },
  { batch: 2, channels: 2, filters: 3, size: [4, 5], kernel: [3, 3], pads: [1, 1, 1, 1] },
  { channels: 2, filters: 2, size: [3, 4], kernel: [1, 1], bias: false },
  { channels: 1, filters: 2, size: [5, 5], kernel: [5, 5], pads: [2, 2, 2, 2] },
  { channels: 1, filters: 1, size: [5, 7], kernel: [3, 3] },
  { channels: 1, filters: 2, size: [4, 4], kernel: [2, 2], pads: [0, 1, 1, 0] },
  { channels: 2, filters: 1, size: [3, 3], kernel: [3, 1], pads: [2, 0, 0, 1] },
  // Pads past the kernel: the adjoint would have to crop.
  { channels: 1, filters: 2, size: [2, 3], kernel: [2, 2], pads: [3, 2, 2, 3] },
  { channels: 1, filters: 2, size: [2, 2], kernel: [1, 1], pads: [1, 0, 0, 2] },
  // Strides that leave a remainder nothing reads.
  { channels: 1, filters: 2, size: [6, 6], kernel: [3, 3], strides: [2, 2] },
  { channels: 1, filters: 1, size: [7, 6], kernel: [2, 2], strides: [3, 4] },
  { channels: 1, filters: 1, size: [5, 5], kernel: [1, 1], strides: [2, 2] },
  { channels: 1, filters: 1, size: [7, 7], kernel: [3, 3], dilations: [2, 3] },
  { channels: 4, filters: 4, size: [3, 3], kernel: [3, 3], pads: [1, 1, 1, 1], group: 4 },
  { channels: 4, filters: 2, size: [3, 3], kernel: [2, 2], group: 2 },
  ...Array.from({ length: 24 }, () => randomConvolution(random)),
];

const wide: Convolution[] = [
  { channels: 3, filters: BLOCK, size: [2, 3], kernel: [2, 2], pads: [1, 0, 0, 1] },
  { batch: 2, channels: BLOCK, filters: 3, size: [2, 2], kernel: [1, 3], pads: [0, 1, 0, 1] },
  { channels: BLOCK, filters: BLOCK, size: [2, 2], kernel: [1, 1] },
  { channels: BLOCK / 2, filters: BLOCK, size: [1, 1], kernel: [1, 1] },
  // 1.5 blocks: not a whole number of them.
  { channels: BLOCK * 1.5, filters: 2, size: [2, 2], kernel: [2, 2], pads: [1, 1, 0, 0] },
];

interface Pooling {
  size: readonly [number, number];
  kernel: readonly [number, number];
  strides?: readonly [number, number];
  pads?: readonly number[];
  dilations?: readonly [number, number];
  ceil?: boolean;
  channels?: number;
}

function pooling({ size, kernel, ceil = false, channels = 2, ...window }: Pooling): GradientCase {
  const attributes = Object.fromEntries(Object.entries(window).map(([name, value]) => [name, ints(value)]));
  return {
    name: `${channels} × ${size.join("×")} under ${kernel.join("×")} ${JSON.stringify(window)}${ceil ? ", ceil" : ""}`,
    inputs: [{ shape: [1, channels, ...size], apart: 0.2 }],
    build: ([x], graph) => {
      const all = { ...attributes, kernel_shape: ints(kernel), ...(ceil && { ceil_mode: int(1) }) };
      const y = graph.apply("MaxPool", [x as Value], all)[0] as Value;
      return mul(y, y);
    },
  };
}

const poolings: Pooling[] = [
  { size: [1, 1], kernel: [1, 1] },
  { size: [4, 6], kernel: [2, 2], strides: [2, 2] },
  { size: [5, 7], kernel: [2, 2], strides: [2, 2] },
  { size: [2, 2], kernel: [2, 2], strides: [2, 2], channels: 16 },
  { size: [5, 5], kernel: [3, 3], strides: [2, 2] },
  { size: [4, 4], kernel: [2, 2] },
  { size: [4, 5], kernel: [3, 2], strides: [1, 2] },
  { size: [6, 5], kernel: [2, 3], strides: [3, 4] },
  { size: [4, 4], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  { size: [3, 4], kernel: [2, 2], strides: [2, 2], pads: [1, 0, 0, 1] },
  { size: [6, 6], kernel: [2, 2], dilations: [2, 3] },
  { size: [7, 6], kernel: [2, 2], strides: [2, 2], dilations: [2, 1], pads: [0, 1, 1, 0] },
  { size: [5, 5], kernel: [2, 2], strides: [2, 2], ceil: true },
  { size: [5, 6], kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil: true },
];

describe("gradients of spatial operators", () => {
  it("has cases for every rule", () => {
    expect(Object.keys(spatialRules).sort()).toEqual(["Conv", "MaxPool"]);
  });
  testGradients("Conv", convolutions.map(convolution), LOWERINGS);
  describe.skipIf(BLOCK === 1)("of blocks of channels", () => {
    testGradients("Conv", wide.map(convolution), LOWERINGS);
  });
  testGradients("MaxPool", poolings.map(pooling), LOWERINGS);

  describe.each(Object.entries(LOWERINGS))("of equal elements, %s", (_, lower) => {
    it("goes to each window's first", async () => {
      const graph = new Graph("ties");
      const x = graph.input("x", [1, 1, 3, 3]);
      const y = maxPool(x, [2, 2]).output;
      graph.output(
        "dx",
        differentiate(reduceSum(mul(y, graph.constant(Float32Array.of(1, 2, 4, 8), y.shape))), [x])[0] as Value,
      );
      const gradient = async (values: readonly number[]) => [
        ...floats(await evaluate(graph, { x: tensor(x.shape, values) }, lower), "dx"),
      ];
      expect(await gradient([0, 0, 0, 0, 0, 0, 0, 0, 0])).toEqual([1, 2, 0, 4, 8, 0, 0, 0, 0]);
      expect(await gradient([0, 0, 0, 0, 5, 0, 0, 0, 0])).toEqual([0, 0, 0, 0, 15, 0, 0, 0, 0]);
      expect(await gradient([0, 1, 0, 1, 0, 1, 0, 1, 0])).toEqual([0, 3, 0, 4, 0, 8, 0, 0, 0]);
    });

    it("goes to one element of windows that a ReLU has emptied", async () => {
      const graph = new Graph("ties");
      const x = graph.input("x", [1, 2, 4, 4]);
      const y = maxPool(relu(x), [2, 2], { strides: [2, 2] }).output;
      graph.output("dx", differentiate(reduceSum(y), [x])[0] as Value);
      const dx = floats(await evaluate(graph, { x: tensor(x.shape, (i) => (i < 16 ? -1 : i)) }, lower), "dx");
      expect([...dx]).toEqual([...Array(16).fill(0), 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1]);
    });
  });

  it.each([
    ["Conv", (graph: Graph) => conv(graph.input("x", [1, 2, 5]), graph.input("w", [1, 2, 3]))],
    ["MaxPool", (graph: Graph) => maxPool(graph.input("x", [1, 2, 5]), [2]).output],
  ])("refuses %s over one axis or three, which lowering doesn't know", (operator, build) => {
    const graph = new Graph("test");
    const loss = reduceSum(build(graph));
    expect(() => differentiate(loss, graph.inputs)).toThrow(GraphError);
    expect(() => differentiate(loss, graph.inputs)).toThrow(operator);
  });
});
