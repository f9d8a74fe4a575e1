import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { LOWERINGS } from "../../../../test/support/lowerings.js";
import { differentiate } from "../../src/differentiate/index.js";
import { GraphError } from "../../src/errors.js";
import { type Attributes, Graph, int, ints, type Shape, text, type Value } from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import {
  AveragePool,
  GlobalMaxPool,
  globalAveragePool,
  MaxPool,
  maxPool,
  mul,
  reduceSum,
  relu,
} from "../../src/operators/index.js";
import * as family from "../../src/operators/pooling.js";
import { type GradientCase, squared, testGradients } from "./gradients.js";
import { each, random, type ShapeCase, testShapes, windowed } from "./shapes.js";

const pooling = (dilated: boolean): ShapeCase[] =>
  [0, 1].flatMap((ceil) =>
    random(12, (w, operator) => {
      const { kernel, size, attributes } = windowed(w.random);
      const { dilations, ...rest } = attributes;
      const all = {
        ...rest,
        kernel_shape: ints(kernel),
        ceil_mode: int(ceil),
        ...(dilated && dilations && { dilations }),
      };
      w.apply(operator, [w.input([2, 3, ...size])], all);
    }),
  );

interface Pooling {
  size: readonly [number, number];
  kernel: readonly [number, number];
  strides?: readonly [number, number];
  pads?: readonly number[];
  dilations?: readonly [number, number];
  ceil?: boolean;
  channels?: number;
}

function maxPooling({ size, kernel, ceil = false, channels = 2, ...window }: Pooling): GradientCase {
  const attributes = Object.fromEntries(Object.entries(window).map(([name, value]) => [name, ints(value)]));
  return {
    name: `${channels} × ${size.join("×")} under ${kernel.join("×")} ${JSON.stringify(window)}${ceil ? ", ceil" : ""}`,
    inputs: [{ shape: [1, channels, ...size], apart: 0.2 }],
    build: ([x], graph) => {
      const all = { ...attributes, kernel_shape: ints(kernel), ...(ceil && { ceil_mode: int(1) }) };
      const y = graph.apply(MaxPool, [x as Value], all)[0] as Value;
      return mul(y, y);
    },
  };
}

/** Pads that the engine works out. */
const automatic: ShapeCase[] = ["SAME_UPPER", "SAME_LOWER", "VALID"].flatMap((mode) =>
  each([1, 2], (w, operator, stride) =>
    w.apply(operator, [w.input([1, 2, 7, 6])], {
      ...{ auto_pad: text(mode), kernel_shape: ints([3, 2]), strides: ints([stride, stride]) },
    }),
  ),
);

const averagePooling = (settings: Pooling, attributes: Attributes = {}): GradientCase => {
  const { size, kernel, strides, pads, ceil = false, channels = 2 } = settings;
  return {
    name: `${JSON.stringify(settings)} ${JSON.stringify(attributes)}`,
    step: 0.5,
    inputs: [{ shape: [1, channels, ...size] }],
    build: ([x]) =>
      single(AveragePool, [x], {
        kernel_shape: ints(kernel),
        ...(strides && { strides: ints(strides) }),
        ...(pads && { pads: ints(pads) }),
        ...(ceil && { ceil_mode: int(1) }),
        ...attributes,
      }),
  };
};

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

testShapes(
  family,
  {
    MaxPool: [...pooling(true), ...automatic],
    AveragePool: [...pooling(false), ...automatic],
    GlobalAveragePool: each(
      [
        [2, 3, 4, 5],
        [1, 1, 1, 1],
        [2, 3, 4],
      ] as Shape[],
      (w, operator, shape) => w.apply(operator, [w.input(shape)]),
    ),
    GlobalMaxPool: [(w, operator) => w.apply(operator, [w.input([2, 3, 4, 5])])],
    MaxUnpool: [
      (w, operator) => {
        const [y, indices] = w.graph.apply(MaxPool, [w.input([1, 2, 5, 5])], {
          kernel_shape: ints([2, 2]),
          strides: ints([2, 2]),
        });
        w.apply(operator, [y, indices, w.integers(1, 2, 5, 5)], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
      },
    ],
  },
  [["MaxPool's kernel", (w) => w.apply(MaxPool, w.inputs([1, 3, 8, 8])), /^MaxPool\(.*kernel_shape must have 2 axes/]],
);

testGradients(
  family,
  {
    MaxPool: [
      ...poolings.map(maxPooling),
      ...["SAME_UPPER", "SAME_LOWER"].map(
        (mode): GradientCase => ({
          name: mode,
          inputs: [{ shape: [1, 2, 5, 4], apart: 0.2 }],
          build: ([x]) =>
            squared(single(MaxPool, [x], { auto_pad: text(mode), kernel_shape: ints([3, 2]), strides: ints([2, 1]) })),
        }),
      ),
    ],
    AveragePool: [
      ...poolings
        .filter(({ dilations }) => !dilations)
        .flatMap((settings) => [averagePooling(settings), averagePooling(settings, { count_include_pad: int(1) })]),
      ...["SAME_UPPER", "SAME_LOWER", "VALID"].map((mode) =>
        averagePooling({ size: [7, 6], kernel: [3, 2], strides: [2, 1] }, { auto_pad: text(mode) }),
      ),
    ],
    GlobalMaxPool: [
      [2, 3, 4, 5],
      [1, 2, 1, 1],
      [1, 4, 3],
    ].map((shape) => ({
      name: `[${shape}]`,
      inputs: [{ shape, apart: 0.2 }],
      build: ([x]: readonly Value[]) => single(GlobalMaxPool, [x]),
    })),
    GlobalAveragePool: [
      [2, 3, 4, 5],
      [1, 1, 1, 1],
      [1, 4, 3],
    ].map((shape) => ({
      name: `[${shape}]`,
      inputs: [{ shape, low: -3, high: 3 }],
      build: ([x]: readonly Value[]) => globalAveragePool(x as Value),
    })),
  },
  LOWERINGS,
);

describe.each(Object.entries(LOWERINGS))("the gradient of equal elements, %s", (_, lower) => {
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

it("refuses the gradient of a pooling over one axis or three, which lowering doesn't know", () => {
  const graph = new Graph("test");
  const loss = reduceSum(maxPool(graph.input("x", [1, 2, 5]), [2]).output);
  expect(() => differentiate(loss, graph.inputs)).toThrow(GraphError);
  expect(() => differentiate(loss, graph.inputs)).toThrow("MaxPool");
});
