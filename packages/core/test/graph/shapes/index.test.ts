import { describe, expect, it } from "vitest";
import { tensor } from "../../../../../test/support/engine.js";
import { BLOCK } from "../../../../../test/support/lowerings.js";
import { Random } from "../../../../../test/support/random.js";
import { createSession } from "../../../../upscaler/src/node/session.js";
import { GraphError } from "../../../src/errors.js";
import {
  type Attributes,
  elements,
  float,
  Graph,
  int,
  ints,
  type Shape,
  text,
  type Value,
} from "../../../src/graph/index.js";
import { arrangementShapes } from "../../../src/graph/shapes/arrangement.js";
import { elementwiseShapes } from "../../../src/graph/shapes/elementwise.js";
import { reductionShapes } from "../../../src/graph/shapes/reduction.js";
import { spatialShapes } from "../../../src/graph/shapes/spatial.js";
import { greater } from "../../../src/operators/index.js";

/** What a case needs to write a node: inputs of given shapes, constants of integers. */
class Writer {
  readonly graph: Graph;
  readonly random: Random;

  constructor(name: string, seed: number) {
    this.graph = new Graph(name);
    this.random = new Random(seed);
  }

  input(shape: Shape): Value {
    return this.graph.input(`x${this.graph.inputs.length}`, shape);
  }

  inputs(...shapes: readonly Shape[]): Value[] {
    return shapes.map((shape) => this.input(shape));
  }

  flags(shape: Shape): Value {
    return greater(this.input(shape), 0);
  }

  integers(...numbers: readonly number[]): Value {
    return this.graph.constant(BigInt64Array.from(numbers, BigInt), [numbers.length]);
  }

  apply(operator: string, inputs: readonly (Value | undefined)[], attributes: Attributes = {}, domain = ""): void {
    for (const value of this.graph.apply(operator, inputs, attributes, { domain })) {
      this.graph.output(`y${this.graph.outputs.size}`, value);
    }
  }
}

type Case = (w: Writer, operator: string) => void;

const SHAPES: Shape[] = [[], [3], [2, 3], [1, 2, 3, 4]];
const PAIRS: [Shape, Shape][] = [
  [[2, 3], []],
  [[], [2, 3]],
  [
    [2, 3],
    [2, 3],
  ],
  [[3], [2, 1]],
  [
    [4, 1, 3],
    [1, 5, 1],
  ],
];

const each = <T>(list: readonly T[], write: (w: Writer, operator: string, item: T) => void): Case[] =>
  list.map((item) => (w, operator) => write(w, operator, item));

const unary = each(SHAPES, (w, operator, shape) => w.apply(operator, [w.input(shape)]));
const binary = each(PAIRS, (w, operator, shapes) => w.apply(operator, w.inputs(...shapes)));
const several: Case[] = [
  ...binary,
  (w, operator) => w.apply(operator, w.inputs([3], [2, 1], [])),
  (w, operator) => w.apply(operator, w.inputs([2, 3])),
];
const logical = each(PAIRS, (w, operator, [a, b]) => w.apply(operator, [w.flags(a), w.flags(b)]));
const random = (count: number, write: Case): Case[] => Array.from({ length: count }, () => write);

const REDUCED: Attributes[] = [
  {},
  { keepdims: int(0) },
  { axes: ints([1]) },
  { axes: ints([0, -1]), keepdims: int(0) },
  { axes: ints([0, 1, 2]), keepdims: int(0) },
];
const reduction: Case[] = [
  ...each(REDUCED, (w, operator, attributes) => w.apply(operator, [w.input([2, 3, 4])], attributes)),
  (w, operator) => w.apply(operator, [w.input([])]),
];

const pair = (r: Random, low: number, high: number): [number, number] => [r.integer(low, high), r.integer(low, high)];

/** A random window and a size that it fits. */
function windowed(r: Random): { kernel: [number, number]; size: [number, number]; attributes: Attributes } {
  const [kernel, strides, dilations] = [pair(r, 1, 3), pair(r, 1, 3), pair(r, 1, 2)];
  // The engine wants pads smaller than the kernel.
  const pads = [...kernel, ...kernel].map((taps) => r.integer(0, taps - 1));
  const extents = kernel.map((taps, i) => (taps - 1) * (dilations[i] as number) + 1);
  const size = extents.map((extent) => extent + r.integer(0, 5)) as [number, number];
  return { kernel, size, attributes: { strides: ints(strides), dilations: ints(dilations), pads: ints(pads) } };
}

const pooling = (dilated: boolean): Case[] =>
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

const CASES: Record<string, Case[]> = {
  ...Object.fromEntries(
    [
      ...[
        "Abs",
        "Neg",
        "Sign",
        "Sqrt",
        "Exp",
        "Log",
        "Reciprocal",
        "Floor",
        "Ceil",
        "Round",
        "Erf",
        "Identity",
        "Relu",
      ],
      ...["LeakyRelu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Elu", "Softplus", "Clip"],
    ].map((operator) => [operator, unary]),
  ),
  Softmax: each(SHAPES.slice(1), (w, operator, shape) => w.apply(operator, [w.input(shape)])),
  Not: each(SHAPES, (w, operator, shape) => w.apply(operator, [w.flags(shape)])),
  ...Object.fromEntries(["Add", "Sub", "Mul", "Div", "Pow"].map((operator) => [operator, binary])),
  ...Object.fromEntries(["Sum", "Min", "Max"].map((operator) => [operator, several])),
  ...Object.fromEntries(
    ["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"].map((operator) => [operator, binary]),
  ),
  And: logical,
  Or: logical,
  PRelu: each(
    [
      [[2, 3, 4], [4]],
      [
        [2, 3, 4],
        [3, 1],
      ],
      [[2, 3], []],
    ] as [Shape, Shape][],
    (w, operator, shapes) => w.apply(operator, w.inputs(...shapes)),
  ),
  Where: each(PAIRS, (w, operator, [a, b]) => w.apply(operator, [w.flags(a), ...w.inputs(b, [3])])),
  Cast: each([1, 2, 3, 6, 7, 9, 10, 11], (w, operator, to) => w.apply(operator, [w.input([2, 3])], { to: int(to) })),
  Concat: [
    (w, operator) => w.apply(operator, w.inputs([2, 3], [1, 3], [4, 3]), { axis: int(0) }),
    (w, operator) => w.apply(operator, w.inputs([2, 3], [2, 1]), { axis: int(-1) }),
    (w, operator) => w.apply(operator, w.inputs([2]), { axis: int(0) }),
  ],
  Split: [
    (w, operator) => w.apply(operator, [w.input([6, 2]), w.integers(1, 2, 3)], { axis: int(0) }),
    (w, operator) => w.apply(operator, [w.input([2, 4]), w.integers(2, 0, 2)], { axis: int(-1) }),
    (w, operator) => w.apply(operator, [w.input([2, 4]), w.integers(2)]),
  ],
  Slice: [
    (w, operator) => w.apply(operator, [w.input([4, 5]), w.integers(1, 2), w.integers(3, 4)]),
    ...random(40, (w, operator) => {
      const shape = [w.random.integer(1, 4), w.random.integer(1, 4), w.random.integer(1, 4)];
      const axes = w.random.permutation(3).slice(0, w.random.integer(1, 3));
      const edge = () => w.random.pick([w.random.integer(-6, 6), -1000, 1000]);
      w.apply(operator, [
        w.input(shape),
        w.integers(...axes.map(edge)),
        w.integers(...axes.map(edge)),
        w.integers(...axes.map((axis) => axis - w.random.pick([0, 3]))),
        w.integers(...axes.map(() => w.random.pick([1, 1, 2, 3, -1, -2]))),
      ]);
    }),
  ],
  Reshape: each([[24], [4, 6], [-1], [0, -1], [2, 0, 4], [1, 2, 3, 4, 1]], (w, operator, shape) =>
    w.apply(operator, [w.input([2, 3, 4]), w.integers(...shape)]),
  ),
  Transpose: [
    (w, operator) => w.apply(operator, [w.input([2, 3, 4])]),
    (w, operator) => w.apply(operator, [w.input([2, 3, 4])], { perm: ints([1, 2, 0]) }),
    (w, operator) => w.apply(operator, [w.input([])]),
  ],
  Expand: each([[2, 3, 4], [1], [5, 1, 3, 1], [3, 4]], (w, operator, shape) =>
    w.apply(operator, [w.input([3, 1]), w.integers(...shape)]),
  ),
  Tile: each(
    [
      [1, 1],
      [2, 3],
      [0, 1],
    ],
    (w, operator, repeats) => w.apply(operator, [w.input([2, 3]), w.integers(...repeats)]),
  ),
  Pad: [
    ...each(
      [
        [1, 2, 3, 4],
        [0, 0, 0, 0],
        [-1, 2, 1, -2],
      ],
      (w, operator, pads) => w.apply(operator, [w.input([2, 3]), w.integers(...pads)]),
    ),
    (w, operator) => w.apply(operator, [w.input([2, 3]), w.integers(0, 1, 1, 2), w.graph.scalar(-1)]),
    (w, operator) => w.apply(operator, [w.input([2, 3]), w.integers(1, 2, 1, 2)], { mode: text("reflect") }),
    (w, operator) => w.apply(operator, [w.input([2, 3]), w.integers(1, 5, 3, 2)], { mode: text("edge") }),
  ],
  Gather: [
    (w, operator) => w.apply(operator, [w.input([4, 3]), w.integers(0, 2, 1)], { axis: int(0) }),
    (w, operator) =>
      w.apply(operator, [w.input([4, 3]), w.graph.constant(BigInt64Array.of(1n), [])], { axis: int(-1) }),
    (w, operator) =>
      w.apply(operator, [w.input([2, 4, 3]), w.graph.constant(new Int32Array(4), [2, 2])], { axis: int(1) }),
  ],
  ScatterElements: [
    (w, operator) =>
      w.apply(operator, [w.input([5]), w.integers(0, 2), w.input([2])], { axis: int(0), reduction: text("add") }),
  ],
  MaxUnpool: [
    (w, operator) => {
      const [y, indices] = w.graph.apply("MaxPool", [w.input([1, 2, 5, 5])], {
        kernel_shape: ints([2, 2]),
        strides: ints([2, 2]),
      });
      w.apply(operator, [y, indices, w.integers(1, 2, 5, 5)], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
    },
  ],
  Squeeze: [
    (w, operator) => w.apply(operator, [w.input([1, 2, 1, 3])]),
    (w, operator) => w.apply(operator, [w.input([1, 2, 1, 3]), w.integers(-2)]),
    (w, operator) => w.apply(operator, [w.input([1]), w.integers(0)]),
  ],
  Unsqueeze: [
    (w, operator) => w.apply(operator, [w.input([2, 3]), w.integers(0, -1)]),
    (w, operator) => w.apply(operator, [w.input([]), w.integers(0)]),
    (w, operator) => w.apply(operator, [w.input([2]), w.integers(2, 1)]),
  ],
  Flatten: each([0, 1, 2, 3, -1, -3], (w, operator, axis) =>
    w.apply(operator, [w.input([2, 3, 4])], { axis: int(axis) }),
  ),
  ...Object.fromEntries(
    ["ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceMax", "ReduceMin"].map((operator) => [
      operator,
      reduction,
    ]),
  ),
  ReduceSum: [
    (w, operator) => w.apply(operator, [w.input([2, 3, 4])]),
    (w, operator) => w.apply(operator, [w.input([2, 3, 4]), w.integers(1, -1)], { keepdims: int(0) }),
    (w, operator) => w.apply(operator, [w.input([2, 3, 4]), w.integers(0)]),
    (w, operator) => w.apply(operator, [w.input([2, 3, 4]), w.integers()]),
    (w, operator) =>
      w.apply(operator, [w.input([2, 3, 4]), w.integers()], { noop_with_empty_axes: int(1), keepdims: int(0) }),
  ],
  MatMul: each(
    [
      [
        [2, 3],
        [3, 4],
      ],
      [
        [5, 2, 3],
        [3, 4],
      ],
      [
        [2, 1, 2, 3],
        [4, 3, 1],
      ],
    ] as [Shape, Shape][],
    (w, operator, shapes) => w.apply(operator, w.inputs(...shapes)),
  ),
  FusedMatMul: each(
    [
      [[2, 3], [3, 4], 0, 0],
      [[3, 2], [3, 4], 1, 0],
      [[5, 2, 3], [4, 3], 0, 1],
      [[2, 3, 2], [2, 4, 3], 1, 1],
    ] as [Shape, Shape, number, number][],
    (w, operator, [a, b, left, right]) =>
      w.apply(operator, w.inputs(a, b), { transA: int(left), transB: int(right), alpha: float(2) }, "com.microsoft"),
  ),
  Gemm: [
    (w, operator) => w.apply(operator, w.inputs([2, 3], [3, 4])),
    (w, operator) => w.apply(operator, w.inputs([3, 2], [4, 3], [4]), { transA: int(1), transB: int(1) }),
  ],
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
  ],
  MaxPool: pooling(true),
  AveragePool: pooling(false),
  GlobalAveragePool: each(
    [
      [2, 3, 4, 5],
      [1, 1, 1, 1],
      [2, 3, 4],
    ] as Shape[],
    (w, operator, shape) => w.apply(operator, [w.input(shape)]),
  ),
  GlobalMaxPool: [(w, operator) => w.apply(operator, [w.input([2, 3, 4, 5])])],
  DepthToSpace: [
    (w, operator) => w.apply(operator, [w.input([2, 8, 3, 4])], { blocksize: int(2) }),
    (w, operator) => w.apply(operator, [w.input([1, 9, 1, 1])], { blocksize: int(3), mode: text("CRD") }),
  ],
  SpaceToDepth: [(w, operator) => w.apply(operator, [w.input([2, 3, 6, 4])], { blocksize: int(2) })],
  ...(BLOCK > 1 && {
    ReorderInput: [(w, operator) => w.apply(operator, [w.input([1, 2 * BLOCK, 3, 2])], {}, "com.microsoft.nchwc")],
    ReorderOutput: [
      (w, operator) =>
        w.apply(operator, [w.input([1, 2 * BLOCK, 3, 2])], { channels: int(BLOCK + 1) }, "com.microsoft.nchwc"),
    ],
  }),
};

/** Operators of our own, which the engine doesn't have, and of a layout that this processor may lack. */
const ELSEWHERE = [
  ...["StopGradient", "ConvInputGradient", "ConvWeightGradient", "MaxPoolGradient", "PixelUnshuffle"],
  ...(BLOCK > 1 ? [] : ["ReorderInput", "ReorderOutput"]),
];

describe("shapes of outputs", () => {
  it("are tested for every operator", () => {
    const known = [elementwiseShapes, arrangementShapes, reductionShapes, spatialShapes].flatMap(Object.keys);
    expect([...Object.keys(CASES), ...ELSEWHERE].sort()).toEqual(known.sort());
  });

  it.each(Object.entries(CASES))("are what the engine makes: %s", async (operator, cases) => {
    const whole = new Graph(operator);
    for (const [i, write] of cases.entries()) {
      const w = new Writer(`${operator}.${i}`, i);
      write(w, operator);
      appendCopy(whole, w.graph, `${i}.`);
    }
    const session = await createSession(whole, { threads: 1, spinning: false });
    const r = new Random(1);
    const feeds = Object.fromEntries(
      whole.inputs.map(({ name, shape }) => [name, tensor(shape, r.floats(elements(shape), 0.1, 1))]),
    );
    const { outputs } = await session.run(feeds).finally(() => session.close());
    const made = Object.entries(outputs).map(([name, { dtype, shape }]) => [name, dtype, [...shape]]);
    const inferred = [...whole.outputs].map(([name, { dtype, shape }]) => [name, dtype, [...shape]]);
    expect(Object.fromEntries(inferred.map(([name, ...type]) => [name, type]))).toEqual(
      Object.fromEntries(made.map(([name, ...type]) => [name, type])),
    );
  });
});

/** Copies a case's graph into the one that is run, its names prefixed. */
function appendCopy(target: Graph, source: Graph, prefix: string): void {
  const images = new Map<Value, Value>();
  for (const value of source.inputs) images.set(value, target.input(prefix + value.name, value.shape, value.dtype));
  for (const value of source.constants) {
    images.set(value, target.constant(value.data as Float32Array, value.shape, { dtype: value.dtype }));
  }
  for (const { operator, inputs, outputs, attributes, domain } of source.nodes) {
    const made = target.apply(
      operator,
      inputs.map((value) => value && images.get(value)),
      attributes,
      { domain },
    );
    outputs.forEach((value, i) => {
      images.set(value, made[i] as Value);
    });
  }
  for (const [name, value] of source.outputs) target.output(prefix + name, images.get(value) as Value);
}

type Misuse = [name: string, write: (w: Writer) => void, message: RegExp];

describe("operands that don't fit", () => {
  it.each<Misuse>([
    ["Add", (w) => w.apply("Add", w.inputs([2, 3], [2])), /^Add\(x0 \[2, 3\], x1 \[2\]\): shapes don't broadcast/],
    [
      "Mul of other types",
      (w) => w.apply("Mul", [w.input([2]), w.integers(1, 2)]),
      /^Mul\(x0 \[2\], constant_1 \[2\]\): constant_1 is int64, the others are float32/,
    ],
    ["Where", (w) => w.apply("Where", w.inputs([2], [2], [2])), /^Where\(.*condition x0 is float32, not bool/],
    ["a missing input", (w) => w.apply("Relu", []), /^Relu\(\): input 0 is missing/],
    ["an unknown operator", (w) => w.apply("Quux", w.inputs([2])), /operator Quux is not supported/],
    [
      "PRelu by a wider slope",
      (w) => w.apply("PRelu", w.inputs([1, 3], [2, 3])),
      /^PRelu\(x0 \[1, 3\], x1 \[2, 3\]\): the slope doesn't broadcast/,
    ],
    [
      "channels",
      (w) => w.apply("Conv", w.inputs([1, 4, 8, 8], [2, 3, 3, 3])),
      /^Conv\(x0 \[1, 4, 8, 8\], x1 \[2, 3, 3, 3\]\): 4 channels into a weight for 3/,
    ],
    [
      "a bias",
      (w) => w.apply("Conv", w.inputs([1, 3, 8, 8], [2, 3, 3, 3], [3])),
      /^Conv\(.*bias x2 must have shape \[2\]/,
    ],
    [
      "groups of filters",
      (w) => w.apply("Conv", w.inputs([1, 4, 8, 8], [3, 2, 3, 3]), { group: int(2) }),
      /^Conv\(.*3 filters don't divide into 2 groups/,
    ],
    [
      "a kernel larger than the image",
      (w) => w.apply("Conv", w.inputs([1, 3, 2, 8], [2, 3, 3, 3])),
      /^Conv\(.*extent 3 doesn't fit size 2/,
    ],
    [
      "a kernel_shape that isn't the weight's",
      (w) => w.apply("Conv", w.inputs([1, 3, 8, 8], [2, 3, 3, 3]), { kernel_shape: ints([1, 1]) }),
      /^Conv\(.*kernel_shape \[1, 1\] isn't the weight's/,
    ],
    ["a rank", (w) => w.apply("Conv", w.inputs([1, 3, 8, 8], [2, 3, 3])), /^Conv\(.*input x1 must have 4 axes/],
    [
      "automatic pads",
      (w) => w.apply("Conv", w.inputs([1, 3, 8, 8], [2, 3, 3, 3]), { auto_pad: text("SAME_UPPER") }),
      /^Conv\(.*auto_pad SAME_UPPER is not supported; write pads/,
    ],
    [
      "strides of 0",
      (w) => w.apply("Conv", w.inputs([1, 3, 8, 8], [2, 3, 3, 3]), { strides: ints([0, 1]) }),
      /^Conv\(.*must be at least 1/,
    ],
    [
      "strides for another rank",
      (w) => w.apply("Conv", w.inputs([1, 3, 8, 8], [2, 3, 3, 3]), { strides: ints([1]) }),
      /^Conv\(.*don't have the kernel's 2 axes/,
    ],
    [
      "ConvTranspose's channels",
      (w) => w.apply("ConvTranspose", w.inputs([1, 4, 8, 8], [3, 2, 3, 3])),
      /^ConvTranspose\(.*4 channels into a weight for 3/,
    ],
    [
      "ConvTranspose's size",
      (w) => w.apply("ConvTranspose", w.inputs([1, 3, 8, 8], [3, 2, 3, 3]), { output_shape: ints([9, 9]) }),
      /^ConvTranspose\(.*output_shape is not supported/,
    ],
    [
      "ConvTranspose cropped to nothing",
      (w) => w.apply("ConvTranspose", w.inputs([1, 3, 1, 1], [3, 2, 3, 3]), { pads: ints([3, 3, 3, 3]) }),
      /^ConvTranspose\(.*pads leave nothing/,
    ],
    [
      "MaxPool's kernel",
      (w) => w.apply("MaxPool", w.inputs([1, 3, 8, 8])),
      /^MaxPool\(.*kernel_shape must have 2 axes/,
    ],
    [
      "DepthToSpace",
      (w) => w.apply("DepthToSpace", w.inputs([1, 6, 2, 2]), { blocksize: int(2) }),
      /^DepthToSpace\(x0 \[1, 6, 2, 2\]\): 6 channels don't divide into blocks of 2×2/,
    ],
    [
      "SpaceToDepth",
      (w) => w.apply("SpaceToDepth", w.inputs([1, 6, 3, 2]), { blocksize: int(2) }),
      /^SpaceToDepth\(.*3×2 doesn't divide into blocks of 2/,
    ],
    [
      "Concat",
      (w) => w.apply("Concat", w.inputs([1, 3], [1, 4]), { axis: int(0) }),
      /^Concat\(.*shapes differ beside axis 0/,
    ],
    [
      "Concat of other ranks",
      (w) => w.apply("Concat", w.inputs([1, 3], [1]), { axis: int(0) }),
      /^Concat\(.*shapes differ/,
    ],
    ["an axis", (w) => w.apply("Concat", w.inputs([1, 3]), { axis: int(2) }), /^Concat\(.*axis 2 is not one of 2/],
    [
      "Split",
      (w) => w.apply("Split", [w.input([5]), w.integers(2, 2)]),
      /^Split\(x0 \[5\], constant_1 \[2\]\): parts of 2 \+ 2 don't make up axis 0/,
    ],
    [
      "Split without sizes",
      (w) => w.apply("Split", [w.input([5])]),
      /^Split\(x0 \[5\]\): the sizes of the parts must be given/,
    ],
    [
      "Slice by values that are computed",
      (w) => w.apply("Slice", w.inputs([5], [1], [1])),
      /^Slice\(.*input x1 must be a constant of integers/,
    ],
    [
      "Slice's lengths",
      (w) => w.apply("Slice", [w.input([5]), w.integers(0, 1), w.integers(1)]),
      /^Slice\(.*starts, ends, axes and steps differ in length/,
    ],
    [
      "a step of 0",
      (w) => w.apply("Slice", [w.input([5]), ...[0, 1, 0, 0].map((i) => w.integers(i))]),
      /^Slice\(.*a step of 0/,
    ],
    [
      "Reshape",
      (w) => w.apply("Reshape", [w.input([5]), w.integers(2, 3)]),
      /^Reshape\(x0 \[5\], constant_1 \[2\]\): 5 elements don't fill \[2, 3\]/,
    ],
    [
      "Reshape with two open sizes",
      (w) => w.apply("Reshape", [w.input([4]), w.integers(-1, -1)]),
      /^Reshape\(.*don't fill/,
    ],
    ["Reshape of nothing", (w) => w.apply("Reshape", [w.input([0, 3]), w.integers(0, -1)]), /^Reshape\(.*don't fill/],
    [
      "Transpose",
      (w) => w.apply("Transpose", w.inputs([2, 3]), { perm: ints([0, 0]) }),
      /^Transpose\(.*\[0, 0\] is not a permutation of 2 axes/,
    ],
    [
      "Expand",
      (w) => w.apply("Expand", [w.input([2, 3]), w.integers(2, 4)]),
      /^Expand\(x0 \[2, 3\], constant_1 \[2\]\): doesn't broadcast to \[2, 4\]/,
    ],
    ["Expand to a negative size", (w) => w.apply("Expand", [w.input([1]), w.integers(-2)]), /^Expand\(.*\[-2\]/],
    ["Tile", (w) => w.apply("Tile", [w.input([2, 3]), w.integers(2)]), /^Tile\(.*a repeat per axis/],
    [
      "Tile by less than nothing",
      (w) => w.apply("Tile", [w.input([2]), w.integers(-1)]),
      /^Tile\(.*\[-2\] is not a shape/,
    ],
    ["Pad", (w) => w.apply("Pad", [w.input([2, 3]), w.integers(1, 1)]), /^Pad\(.*4 pads are needed/],
    [
      "Pad that crops all",
      (w) => w.apply("Pad", [w.input([2]), w.integers(-2, -1)]),
      /^Pad\(.*crops more than there is/,
    ],
    ["Squeeze", (w) => w.apply("Squeeze", [w.input([2]), w.integers(0)]), /^Squeeze\(.*isn't 1/],
    ["Unsqueeze", (w) => w.apply("Unsqueeze", [w.input([2]), w.integers(0, 0)]), /^Unsqueeze\(.*an axis twice/],
    ["Flatten", (w) => w.apply("Flatten", w.inputs([2, 3]), { axis: int(3) }), /^Flatten\(.*axis 3 lies past 2 axes/],
    [
      "Gather by floats",
      (w) => w.apply("Gather", w.inputs([2, 3], [2])),
      /^Gather\(.*x1 is float32, not int32 or int64/,
    ],
    ["MatMul", (w) => w.apply("MatMul", w.inputs([2, 3], [2, 3])), /^MatMul\(.*inner sizes 3 and 2 differ/],
    ["MatMul of vectors", (w) => w.apply("MatMul", w.inputs([3], [3])), /^MatMul\(.*must be matrices/],
    [
      "MatMul's batches",
      (w) => w.apply("MatMul", w.inputs([2, 1, 3], [4, 3, 1])),
      /^MatMul\(.*batches don't broadcast/,
    ],
    [
      "FusedMatMul of transposed batches",
      (w) => w.apply("FusedMatMul", w.inputs([2, 1, 3], [2, 3, 1]), { transBatchA: int(1) }, "com.microsoft"),
      /^FusedMatMul\(.*transBatchA is not supported/,
    ],
    ["Gemm of batches", (w) => w.apply("Gemm", w.inputs([2, 1, 3], [2, 3, 1])), /^Gemm\(.*must have 2 axes/],
    ["a reduced axis", (w) => w.apply("ReduceMean", w.inputs([2]), { axes: ints([1]) }), /^ReduceMean\(.*axis 1/],
    [
      "Cast to a type that isn't known",
      (w) => w.apply("Cast", w.inputs([2]), { to: int(8) }),
      /^Cast\(.*element type 8/,
    ],
    [
      "a shape past all bounds",
      (w) => w.apply("Expand", [w.input([1]), w.integers(2 ** 52, 2 ** 52)]),
      /^Expand\(.*more elements than can be counted/,
    ],
  ])("are named: %s", (_, write, message) => {
    const w = new Writer("test", 1);
    expect(() => write(w)).toThrow(GraphError);
    expect(() => write(new Writer("test", 1))).toThrow(message);
  });
});
