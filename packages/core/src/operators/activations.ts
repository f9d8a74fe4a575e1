import { float, floatOr, type GradientRule, sameShape, textOr, type Value } from "../graph/index.js";
import { single, unary } from "./apply.js";
import { add, div, mul, sub } from "./arithmetic.js";
import { cast, equal, greater, less, or, where } from "./comparisons.js";
import { elementwise, operator } from "./declare.js";
import { abs, erf } from "./functions.js";
import { unaryGradient, unbroadcast } from "./gradient-rules.js";
import { broadcastOperands, likeFirst } from "./shapes.js";

/** 1 where positive, else 0. */
const positive = (x: Value): Value => cast(greater(x, 0), "float32");

export const Relu = elementwise("Relu", {
  gradient: unaryGradient((dy, _x, y) => mul(dy, positive(y))),
  channels: "scaling",
});

export const LeakyRelu = elementwise("LeakyRelu", {
  gradient: unaryGradient((dy, x, _y, node) =>
    where(greater(x, 0), dy, mul(dy, floatOr(node.attributes, "alpha", 0.01))),
  ),
  channels: "scaling",
});

/** y = max(x, 0) + s·min(x, 0): dx = dy·(x > 0 ? 1 : s), ds = Σ dy·min(x, 0). */
const slopeGradient: GradientRule = (node, [dy], wanted) => {
  const [x, slope] = node.inputs as [Value, Value];
  if (!dy) return [];
  return [
    wanted[0] ? where(greater(x, 0), dy, mul(dy, slope)) : undefined,
    wanted[1] ? unbroadcast(mul(dy, where(less(x, 0), x, 0)), slope.shape) : undefined,
  ];
};

/** The slope broadcasts to the input, never the other way. */
export const PRelu = elementwise("PRelu", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    if (!sameShape(broadcastOperands(operands), shape)) operands.fail("the slope doesn't broadcast to the input");
    return [{ dtype, shape }];
  },
  gradient: slopeGradient,
  channels: "scaling",
  cost: { ofWeights: true, multiplyAccumulates: () => 0 },
});

export const Sigmoid = elementwise("Sigmoid", {
  // y' = y·(1 − y)
  gradient: unaryGradient((dy, _x, y) => mul(dy, mul(y, sub(1, y)))),
  channels: "permutation",
});

export const Tanh = elementwise("Tanh", {
  // y' = 1 − y²
  gradient: unaryGradient((dy, _x, y) => mul(dy, sub(1, mul(y, y)))),
  channels: "permutation",
});

export const Softplus = elementwise("Softplus", {
  // d log(1 + eˣ) = σ(x)
  gradient: unaryGradient((dy, x) => mul(dy, sigmoid(x))),
  channels: "permutation",
});

export const Clip = elementwise("Clip", {
  // Inside the bounds the gradient passes, bounds included, outside it doesn't.
  gradient: (node, [dy]) => {
    if (!dy) return [];
    const [x, low, high] = node.inputs as [Value, Value | undefined, Value | undefined];
    const below = low && where(less(x, low), 0, dy);
    const inside = below ?? dy;
    return [high ? where(greater(x, high), 0, inside) : inside];
  },
  channels: "permutation",
});

export const Elu = elementwise("Elu", {
  // y = α·(eˣ − 1) below 0: y' = y + α.
  gradient: unaryGradient((dy, x, y, node) =>
    where(greater(x, 0), dy, mul(dy, add(y, floatOr(node.attributes, "alpha", 1)))),
  ),
  channels: "permutation",
});

export const HardSigmoid = elementwise("HardSigmoid", {
  // y = clip(α·x + β, 0, 1)
  gradient: unaryGradient((dy, _x, y, node) =>
    where(or(equal(y, 0), equal(y, 1)), 0, mul(dy, floatOr(node.attributes, "alpha", 0.2))),
  ),
  channels: "permutation",
});

export const HardSwish = elementwise("HardSwish", {
  // y = x·h with h = clip(x/6 + 1/2, 0, 1): y' = h + x/6 = x/3 + 1/2 between −3 and 3, 0 below, 1 above.
  gradient: unaryGradient((dy, x) => {
    const slope = add(div(x, 3), 0.5);
    return mul(dy, where(less(x, -3), 0, where(greater(x, 3), 1, slope)));
  }),
  channels: "permutation",
});

/** y = x / (1 + |x|) */
export const Softsign = elementwise("Softsign", {
  // y' = 1 / (1 + |x|)² = (1 − |y|)²
  gradient: unaryGradient((dy, _x, y) => {
    const rest = sub(1, abs(y));
    return mul(dy, mul(rest, rest));
  }),
  channels: "permutation",
});

/** y = max(x, 0) + min(0, α·(e^(x/α) − 1)) */
export const Celu = elementwise("Celu", {
  // y' = e^(x/α) = y/α + 1 below 0.
  gradient: unaryGradient((dy, x, y, node) =>
    where(greater(x, 0), dy, mul(dy, add(div(y, floatOr(node.attributes, "alpha", 1)), 1))),
  ),
  channels: "permutation",
});

/** y = γ·x above 0, γ·α·(eˣ − 1) below. */
export const Selu = elementwise("Selu", {
  // y' = γ above 0, y + γ·α below.
  gradient: unaryGradient((dy, x, y, { attributes }) => {
    const [alpha, gamma] = [floatOr(attributes, "alpha", SELU.alpha), floatOr(attributes, "gamma", SELU.gamma)];
    return mul(dy, where(greater(x, 0), gamma, add(y, alpha * gamma)));
  }),
  channels: "permutation",
});

/** ONNX's defaults. */
const SELU = { alpha: 1.6732631921768188, gamma: 1.0507010221481323 };

/** y = x above α, else 0. */
export const ThresholdedRelu = elementwise("ThresholdedRelu", {
  gradient: unaryGradient((dy, x, _y, node) => where(greater(x, floatOr(node.attributes, "alpha", 1)), dy, 0)),
  channels: "permutation",
});

/** y = x + b below −λ, x − b above λ, else 0. */
export const Shrink = elementwise("Shrink", {
  gradient: unaryGradient((dy, x, _y, node) => where(greater(abs(x), floatOr(node.attributes, "lambd", 0.5)), dy, 0)),
  channels: "permutation",
});

/** y = x·tanh(log(1 + eˣ)) */
export const Mish = operator("Mish", {
  shape: likeFirst,
  decompose: (_, [x]) => [mul(x as Value, tanh(softplus(x as Value)))],
});

/** y = x·Φ(x) with Φ the normal distribution, or its approximation by a hyperbolic tangent. */
export const Gelu = operator("Gelu", {
  shape: (operands) => {
    const approximation = textOr(operands.attributes, "approximate", "none");
    if (approximation !== "none" && approximation !== "tanh") {
      operands.fail(`approximation ${approximation} is not none or tanh`);
    }
    return likeFirst(operands);
  },
  decompose: ({ attributes }, [input]) => {
    const x = input as Value;
    if (textOr(attributes, "approximate", "none") === "none") {
      return [mul(mul(x, 0.5), add(erf(div(x, Math.SQRT2)), 1))];
    }
    // √(2/π)·(x + 0.044715·x³)
    const inner = mul(mul(x, add(mul(mul(x, x), 0.044715), 1)), Math.sqrt(2 / Math.PI));
    return [mul(mul(x, 0.5), add(tanh(inner), 1))];
  },
});

export const relu = unary(Relu);
export const sigmoid = unary(Sigmoid);
export const hardSwish = unary(HardSwish);
export const tanh = unary(Tanh);
export const softplus = unary(Softplus);

export const leakyRelu = (x: Value, alpha: number): Value => single(LeakyRelu, [x], { alpha: float(alpha) });

/** max(x, 0) + slope · min(x, 0); the slope broadcasts to x. */
export const prelu = (x: Value, slope: Value): Value => single(PRelu, [x, slope]);

export const clip = (x: Value, low: number, high: number): Value =>
  single(Clip, [x, x.graph.scalar(low), x.graph.scalar(high)]);
