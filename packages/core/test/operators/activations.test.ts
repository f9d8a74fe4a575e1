import { float, type Shape, type Value } from "../../src/graph/index.js";
import * as family from "../../src/operators/activations.js";
import { single } from "../../src/operators/apply.js";
import {
  Clip,
  clip,
  Elu,
  HardSigmoid,
  hardSwish,
  leakyRelu,
  PRelu,
  prelu,
  Relu,
  relu,
  sigmoid,
  softplus,
  tanh,
} from "../../src/operators/index.js";
import { type GradientCase, testGradients, unaryCases } from "./gradients.js";
import { each, SHAPES, testShapes, unary } from "./shapes.js";

const slopes: GradientCase[] = (
  [
    [[2, 3, 2, 2], [1]],
    [
      [2, 3, 2, 2],
      [3, 1, 1],
    ],
    [
      [2, 3],
      [2, 3],
    ],
    [
      [2, 3, 4],
      [1, 3, 1],
    ],
    [[5], []],
  ] as const
).map(([shape, slope]) => ({
  name: `slope [${slope}] of [${shape}]`,
  inputs: [{ shape, away: 0.2 }, { shape: slope }],
  build: ([x, s]) => prelu(x as Value, s as Value),
}));

const clipped =
  (build: (x: Value) => Value): GradientCase["build"] =>
  ([x]) =>
    build(x as Value);

testShapes(
  family,
  {
    Relu: unary,
    LeakyRelu: unary,
    Sigmoid: unary,
    HardSigmoid: unary,
    HardSwish: unary,
    Tanh: unary,
    Elu: unary,
    Softplus: unary,
    Clip: unary,
    Softmax: each(SHAPES.slice(1), (w, operator, shape) => w.apply(operator, [w.input(shape)])),
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
  },
  [
    ["a missing input", (w) => w.apply(Relu, []), /^Relu\(\): input 0 is missing/],
    [
      "PRelu by a wider slope",
      (w) => w.apply(PRelu, w.inputs([1, 3], [2, 3])),
      /^PRelu\(x0 \[1, 3\], x1 \[2, 3\]\): the slope doesn't broadcast/,
    ],
  ],
);

testGradients(family, {
  Relu: unaryCases(relu, { away: 0.2 }),
  Sigmoid: unaryCases(sigmoid),
  HardSwish: [
    ...unaryCases(hardSwish),
    {
      name: "on both sides of −3 and 3",
      inputs: [{ shape: [20], apart: 0.47 }],
      build: ([x]) => hardSwish(x as Value),
    },
  ],
  Elu: [1, 0.3].flatMap((alpha) =>
    unaryCases((x) => single(Elu, [x], { alpha: float(alpha) }), { away: 0.2 }).map((c) => ({
      ...c,
      name: `α ${alpha}, ${c.name}`,
    })),
  ),
  HardSigmoid: [
    ...unaryCases((x) => single(HardSigmoid, [x])),
    {
      name: "on both sides of its bounds",
      inputs: [{ shape: [20], apart: 0.47 }],
      build: ([x]) => single(HardSigmoid, [x], { alpha: float(0.3), beta: float(0.4) }),
    },
  ],
  Tanh: unaryCases(tanh),
  Softplus: unaryCases(softplus),
  LeakyRelu: [0.2, -0.5].flatMap((alpha) =>
    unaryCases((x) => leakyRelu(x, alpha), { away: 0.2 }).map((c) => ({ ...c, name: `α ${alpha}, ${c.name}` })),
  ),
  PRelu: slopes,
  Clip: [
    { name: "both bounds", inputs: [{ shape: [10], apart: 0.2 }], build: clipped((x) => clip(x, -0.5, 0.7)) },
    {
      name: "a lower bound alone",
      inputs: [{ shape: [20], away: 0.2 }],
      build: clipped((x) => x.graph.apply(Clip, [x, x.graph.scalar(0)])[0] as Value),
    },
    {
      name: "an upper bound alone",
      inputs: [{ shape: [20], away: 0.2 }],
      build: clipped((x) => x.graph.apply(Clip, [x, undefined, x.graph.scalar(0)])[0] as Value),
    },
    {
      name: "no bounds",
      inputs: [{ shape: [4] }],
      build: clipped((x) => x.graph.apply(Clip, [x])[0] as Value),
    },
  ],
});
