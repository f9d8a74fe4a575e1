import { GraphError } from "../../errors.js";
import { floatOr, type Node, type Value } from "../../graph/index.js";
import { cast, div, greater, less, mul, neg, pow, sigmoid, sign, sub, where } from "../../operators/index.js";
import { type GradientRule, input, output, unbroadcast } from "../rule.js";

/** A rule for y = f(x), from dy, x and y. */
const unary =
  (rule: (dy: Value, x: Value, y: Value, node: Node) => Value): GradientRule =>
  (node, [dy]) => [dy && rule(dy, input(node, 0), output(node), node)];

/** A rule for y = f(a, b) with broadcasting: the two partial gradients, before sums over repeated axes. */
function binary(
  left: (dy: Value, a: Value, b: Value, y: Value) => Value,
  right: (dy: Value, a: Value, b: Value, y: Value) => Value,
): GradientRule {
  return (node, [dy], wanted) => {
    const [a, b, y] = [input(node, 0), input(node, 1), output(node)];
    return [
      dy && wanted[0] ? unbroadcast(left(dy, a, b, y), a.shape) : undefined,
      dy && wanted[1] ? unbroadcast(right(dy, a, b, y), b.shape) : undefined,
    ];
  };
}

/** 1 where positive, else 0. */
const positive = (x: Value): Value => cast(greater(x, 0), "float32");

const leakyRelu = unary((dy, x, _y, node) =>
  where(greater(x, 0), dy, mul(dy, floatOr(node.attributes, "alpha", 0.01))),
);

/** y = max(x, 0) + s·min(x, 0): dx = dy·(x > 0 ? 1 : s), ds = Σ dy·min(x, 0). */
const prelu: GradientRule = (node, [dy], wanted) => {
  const [x, slope] = [input(node, 0), input(node, 1)];
  if (!dy) return [];
  return [
    wanted[0] ? where(greater(x, 0), dy, mul(dy, slope)) : undefined,
    wanted[1] ? unbroadcast(mul(dy, where(less(x, 0), x, 0)), slope.shape) : undefined,
  ];
};

/** Inside the bounds the gradient passes, bounds included, outside it doesn't. */
const clip: GradientRule = (node, [dy]) => {
  if (!dy) return [];
  const x = input(node, 0);
  const [low, high] = [node.inputs[1], node.inputs[2]];
  const below = low && where(less(x, low), 0, dy);
  const inside = below ?? dy;
  return [high ? where(greater(x, high), 0, inside) : inside];
};

/** Only the condition's side gets the gradient. */
const select: GradientRule = (node, [dy], wanted) => {
  if (!dy) return [];
  const condition = input(node, 0);
  return [
    undefined,
    wanted[1] ? unbroadcast(where(condition, dy, 0), input(node, 1).shape) : undefined,
    wanted[2] ? unbroadcast(where(condition, 0, dy), input(node, 2).shape) : undefined,
  ];
};

/** y = aᵇ: da = dy·b·aᵇ⁻¹; the exponent must be a constant. */
const power: GradientRule = (node, [dy], wanted) => {
  if (wanted[1]) throw new GraphError("Pow has a gradient rule for its base only, not for its exponent");
  const [a, b] = [input(node, 0), input(node, 1)];
  return [dy && unbroadcast(mul(mul(dy, b), pow(a, sub(b, 1))), a.shape)];
};

export const elementwiseRules: Record<string, GradientRule> = {
  Identity: unary((dy) => dy),
  Neg: unary((dy) => neg(dy)),
  Abs: unary((dy, x) => mul(dy, sign(x))),
  Sqrt: unary((dy, _x, y) => div(mul(dy, 0.5), y)),
  Exp: unary((dy, _x, y) => mul(dy, y)),
  Log: unary((dy, x) => div(dy, x)),
  Relu: unary((dy, _x, y) => mul(dy, positive(y))),
  // y' = y·(1 − y)
  Sigmoid: unary((dy, _x, y) => mul(dy, mul(y, sub(1, y)))),
  // y' = 1 − y²
  Tanh: unary((dy, _x, y) => mul(dy, sub(1, mul(y, y)))),
  // d log(1 + eˣ) = σ(x)
  Softplus: unary((dy, x) => mul(dy, sigmoid(x))),
  LeakyRelu: leakyRelu,
  PRelu: prelu,
  Clip: clip,
  Where: select,
  Pow: power,
  Add: binary(
    (dy) => dy,
    (dy) => dy,
  ),
  Sub: binary(
    (dy) => dy,
    (dy) => neg(dy),
  ),
  Mul: binary(
    (dy, _a, b) => mul(dy, b),
    (dy, a) => mul(dy, a),
  ),
  // d(a/b)/db = −y/b
  Div: binary(
    (dy, _a, b) => div(dy, b),
    (dy, _a, b, y) => neg(div(mul(dy, y), b)),
  ),
  Sum: (node, [dy], wanted) =>
    node.inputs.map((value, i) => (value && dy && wanted[i] ? unbroadcast(dy, value.shape) : undefined)),
};
