import { describe, expect, it } from "vitest";
import { BLOCK, LOWERINGS } from "../../../../test/support/lowerings.js";
import { differentiate } from "../../src/differentiate/index.js";
import { GraphError } from "../../src/errors.js";
import { Graph, graft, int, ints, type Node, text, type Value } from "../../src/graph/index.js";
import { single } from "../../src/operators/apply.js";
import * as family from "../../src/operators/convolution.js";
import { Conv, ConvTranspose, conv, reduceSum } from "../../src/operators/index.js";
import {
  automatic,
  automaticGradients,
  convolution,
  convolutions,
  SIZES,
  transposed,
  transposedConvolution,
  wide,
  windowCase,
} from "./convolution-cases.js";
import { testGradient, testGradients } from "./gradients.js";
import { each, random, testShapes, windowed } from "./shapes.js";

const POINT = { step: 1, low: 0, high: 0 };

testShapes(
  family,
  {
    Conv: [
      (w, operator) => w.apply(operator, w.inputs([2, 3, 7], [4, 3, 3])),
      (w, operator) => w.apply(operator, w.inputs([1, 2, 3, 4, 5], [3, 2, 1, 2, 3], [3])),
      ...random(20, (w, operator) => {
        const { kernel, size, attributes } = windowed(w.random);
        const group = w.random.pick([1, 2, 3]);
        const weight = [group * w.random.integer(1, 2), 2, ...kernel];
        const bias = w.random.next() < 0.5 ? [[weight[0] as number]] : [];
        w.apply(operator, w.inputs([2, 2 * group, ...size], weight, ...bias), { ...attributes, group: int(group) });
      }),
      ...automatic((w, operator, attributes) =>
        w.apply(operator, w.inputs([1, 2, ...w.random.pick(SIZES)], [3, 2, 3, 2]), attributes),
      ),
    ],
    ConvTranspose: [
      (w, operator) => w.apply(operator, w.inputs([2, 3, 7], [3, 4, 3])),
      ...random(20, (w, operator) => {
        const { kernel, attributes } = windowed(w.random);
        const group = w.random.pick([1, 2]);
        const strides = attributes.strides?.value as number[];
        const extra = strides.map((stride) => w.random.integer(0, stride - 1));
        const all = { ...attributes, group: int(group), output_padding: ints(extra) };
        w.apply(operator, w.inputs([1, 2 * group, 5, 6], [2 * group, 3, ...kernel]), all);
      }),
      ...automatic((w, operator, attributes) => w.apply(operator, w.inputs([1, 2, 4, 5], [2, 3, 4, 2]), attributes)),
      ...each([undefined, "SAME_UPPER", "SAME_LOWER"], (w, operator, mode) =>
        w.apply(operator, w.inputs([1, 2, 4, 5], [2, 3, 4, 3]), {
          ...{ output_shape: ints([7, 11]), strides: ints([2, 2]) },
          ...(mode && { auto_pad: text(mode) }),
        }),
      ),
    ],
  },
  [
    [
      "channels",
      (w) => w.apply(Conv, w.inputs([1, 4, 8, 8], [2, 3, 3, 3])),
      /^Conv\(x0 \[1, 4, 8, 8\], x1 \[2, 3, 3, 3\]\): 4 channels into a weight for 3/,
    ],
    [
      "a bias",
      (w) => w.apply(Conv, w.inputs([1, 3, 8, 8], [2, 3, 3, 3], [3])),
      /^Conv\(.*bias x2 must have shape \[2\]/,
    ],
    [
      "groups of filters",
      (w) => w.apply(Conv, w.inputs([1, 4, 8, 8], [3, 2, 3, 3]), { group: int(2) }),
      /^Conv\(.*3 filters don't divide into 2 groups/,
    ],
    [
      "a kernel larger than the image",
      (w) => w.apply(Conv, w.inputs([1, 3, 2, 8], [2, 3, 3, 3])),
      /^Conv\(.*extent 3 doesn't fit size 2/,
    ],
    [
      "a kernel_shape that isn't the weight's",
      (w) => w.apply(Conv, w.inputs([1, 3, 8, 8], [2, 3, 3, 3]), { kernel_shape: ints([1, 1]) }),
      /^Conv\(.*kernel_shape \[1, 1\] isn't the weight's/,
    ],
    ["a rank", (w) => w.apply(Conv, w.inputs([1, 3, 8, 8], [2, 3, 3])), /^Conv\(.*input x1 must have 4 axes/],
    [
      "automatic pads of a kind that isn't known",
      (w) => w.apply(Conv, w.inputs([1, 3, 8, 8], [2, 3, 3, 3]), { auto_pad: text("SAME") }),
      /^Conv\(.*auto_pad SAME is not NOTSET, VALID, SAME_UPPER or SAME_LOWER/,
    ],
    [
      "pads both stated and automatic",
      (w) => w.apply(Conv, w.inputs([1, 3, 8, 8], [2, 3, 3, 3]), { auto_pad: text("VALID"), pads: ints([1, 1, 1, 1]) }),
      /^Conv\(.*has both pads and auto_pad VALID/,
    ],
    [
      "strides of 0",
      (w) => w.apply(Conv, w.inputs([1, 3, 8, 8], [2, 3, 3, 3]), { strides: ints([0, 1]) }),
      /^Conv\(.*must be at least 1/,
    ],
    [
      "strides for another rank",
      (w) => w.apply(Conv, w.inputs([1, 3, 8, 8], [2, 3, 3, 3]), { strides: ints([1]) }),
      /^Conv\(.*don't have the kernel's 2 axes/,
    ],
    [
      "ConvTranspose's channels",
      (w) => w.apply(ConvTranspose, w.inputs([1, 4, 8, 8], [3, 2, 3, 3])),
      /^ConvTranspose\(.*4 channels into a weight for 3/,
    ],
    [
      "ConvTranspose's size",
      (w) => w.apply(ConvTranspose, w.inputs([1, 3, 8, 8], [3, 2, 3, 3]), { output_shape: ints([9]) }),
      /^ConvTranspose\(.*output_shape doesn't have the kernel's 2 axes/,
    ],
    [
      "ConvTranspose to more than its inputs reach",
      (w) => w.apply(ConvTranspose, w.inputs([1, 3, 4, 4], [3, 2, 2, 2]), { output_shape: ints([5, 6]) }),
      /^ConvTranspose\(.*asks for outputs that no input reaches/,
    ],
    [
      "ConvTranspose cropped to nothing",
      (w) => w.apply(ConvTranspose, w.inputs([1, 3, 1, 1], [3, 2, 3, 3]), { pads: ints([3, 3, 3, 3]) }),
      /^ConvTranspose\(.*pads leave nothing/,
    ],
  ],
);

testGradients(
  family,
  {
    Conv: [...convolutions.map(convolution), ...automaticGradients(Conv, [2, 2, 3, 2])],
    ConvTranspose: [
      ...transposed.map(transposedConvolution),
      ...automaticGradients(ConvTranspose, [2, 2, 4, 3]),
      ...[undefined, "SAME_UPPER", "SAME_LOWER"].flatMap((mode) =>
        [
          [7, 9],
          [11, 8],
        ].map((size) =>
          windowCase(ConvTranspose, `to ${size.join("×")}, ${mode}`, [2, 1, 3, 2], {
            ...{ output_shape: ints(size), strides: ints([2, 2]) },
            ...(mode && { auto_pad: text(mode) }),
          }),
        ),
      ),
    ],
  },
  LOWERINGS,
);

it("gives a transposed convolution of a stated size the pads that it follows from, at other sizes too", () => {
  const source = new Graph("stated");
  const [x, w] = [source.input("x", [1, 2, 4, 4]), source.input("w", [2, 3, 4, 4])];
  source.output("y", single(ConvTranspose, [x, w], { output_shape: ints([8, 8]), strides: ints([2, 2]) }));
  const target = new Graph("other");
  const known = new Map([
    [x, target.input("x", [1, 2, 4, 7])],
    [w, target.input("w", [2, 3, 4, 4])],
  ]);
  const [y] = graft(source, target, known, [...source.outputs.values()]) as [Value];
  expect(y.shape).toEqual([1, 3, 8, 14]);
  expect(y.producer?.attributes).toMatchObject({ pads: ints([1, 1, 1, 1]), output_padding: ints([0, 0]) });
});

it("sees as far as the pads that are automatic", () => {
  const graph = new Graph("reach");
  const x = graph.input("x", [1, 2, 9, 9]);
  const even = graph.input("w", [2, 2, 4, 4]);
  const upper = single(Conv, [x, even], { auto_pad: text("SAME_UPPER") });
  expect(upper.producer?.operator.reach?.(upper.producer as Node, [[POINT, POINT]])).toEqual([
    { step: 1, low: -1, high: 2 },
    { step: 1, low: -1, high: 2 },
  ]);
});

describe.skipIf(BLOCK === 1)("of blocks of channels", () => {
  testGradient("Conv", wide.map(convolution), LOWERINGS);
});

it("refuses the gradient of a convolution over one axis or three, which lowering doesn't know", () => {
  const graph = new Graph("test");
  const loss = reduceSum(conv(graph.input("x", [1, 2, 5]), graph.input("w", [1, 2, 3])));
  expect(() => differentiate(loss, graph.inputs)).toThrow(GraphError);
  expect(() => differentiate(loss, graph.inputs)).toThrow("Conv");
});
