import { describe, expect, it } from "vitest";
import { evaluate, floats, tensor } from "../../../../test/support/engine.js";
import { type Attributes, float, Graph, type Operator, type Shape, text, type Value } from "../../src/graph/index.js";
import * as family from "../../src/operators/activations.js";
import { single } from "../../src/operators/apply.js";
import {
  Celu,
  Clip,
  clip,
  Elu,
  Gelu,
  HardSigmoid,
  hardSwish,
  leakyRelu,
  Mish,
  PRelu,
  prelu,
  Relu,
  relu,
  Selu,
  Shrink,
  Softsign,
  sigmoid,
  softplus,
  ThresholdedRelu,
  tanh,
} from "../../src/operators/index.js";
import { type GradientCase, testGradients, unaryCases } from "./gradients.js";
import { each, testShapes, unary } from "./shapes.js";

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
    Softsign: unary,
    Celu: unary,
    Selu: unary,
    ThresholdedRelu: unary,
    Shrink: unary,
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
      "an approximation of Gelu",
      (w) => w.apply(Gelu, w.inputs([3]), { approximate: text("sigmoid") }),
      /^Gelu\(.*approximation sigmoid is not none or tanh/,
    ],
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
  Softsign: unaryCases((x) => single(Softsign, [x]), { away: 0.2 }),
  Celu: [1, 0.4].flatMap((alpha) =>
    unaryCases((x) => single(Celu, [x], { alpha: float(alpha) }), { away: 0.2 }).map((c) => ({
      ...c,
      name: `α ${alpha}, ${c.name}`,
    })),
  ),
  Selu: [
    ...unaryCases((x) => single(Selu, [x]), { away: 0.2 }),
    ...unaryCases((x) => single(Selu, [x], { alpha: float(0.7), gamma: float(1.3) }), { away: 0.2 }).map((c) => ({
      ...c,
      name: `α 0.7, γ 1.3, ${c.name}`,
    })),
  ],
  ThresholdedRelu: [
    { name: "α 1", inputs: [{ shape: [9], apart: 0.43 }], build: ([x]) => single(ThresholdedRelu, [x as Value]) },
    {
      name: "α −0.5",
      inputs: [{ shape: [9], apart: 0.43 }],
      build: ([x]) => single(ThresholdedRelu, [x as Value], { alpha: float(-0.5) }),
    },
  ],
  Shrink: [
    {
      name: "λ 0.5, b 0.3",
      inputs: [{ shape: [9], apart: 0.43 }],
      build: ([x]) => single(Shrink, [x as Value], { bias: float(0.3) }),
    },
    {
      name: "λ 1",
      inputs: [{ shape: [9], apart: 0.43 }],
      build: ([x]) => single(Shrink, [x as Value], { lambd: float(1) }),
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

describe("activations that are newer than what is written", () => {
  const points = Array.from({ length: 25 }, (_, i) => (i - 12) / 3);

  /** Φ(x) by Simpson's rule. */
  function normal(x: number): number {
    const [steps, density] = [400, (t: number) => Math.exp((-t * t) / 2) / Math.sqrt(2 * Math.PI)];
    let total = density(0) + density(x);
    for (let i = 1; i < steps; i++) total += (i % 2 === 1 ? 4 : 2) * density((x * i) / steps);
    return 0.5 + (total * x) / steps / 3;
  }

  it.each<[string, Operator, Attributes, (x: number) => number]>([
    ["Gelu", Gelu, {}, (x) => x * normal(x)],
    [
      "Gelu, by a hyperbolic tangent",
      Gelu,
      { approximate: text("tanh") },
      (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
    ],
    ["Mish", Mish, {}, (x) => x * Math.tanh(Math.log1p(Math.exp(x)))],
  ])("are what their formulas say: %s", async (_, operator, attributes, formula) => {
    const graph = new Graph("newer");
    const x = graph.input("x", [points.length]);
    const y = single(operator, [x], attributes);
    expect(y.shape).toEqual(x.shape);
    graph.output("y", y);
    const made = floats(await evaluate(graph, { x: tensor(x.shape, points) }), "y");
    points.forEach((at, i) => {
      expect(made[i], `at ${at}`).toBeCloseTo(formula(at), 5);
    });
  });
});
