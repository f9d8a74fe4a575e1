import { type GradientRule, type Node, type Shape, sameShape, type Value } from "../graph/index.js";
import { reduceSum } from "./reductions.js";
import { reshape } from "./reshaping.js";

/** The adjoint of broadcasting: sums `gradient` over the axes along which `shape` was repeated. */
export function unbroadcast(gradient: Value, shape: Shape): Value {
  if (sameShape(gradient.shape, shape)) return gradient;
  const extra = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((size, i) => (i < extra || (size !== 1 && shape[i - extra] === 1) ? [i] : []));
  return reshape(axes.length > 0 ? reduceSum(gradient, { axes, keep: true }) : gradient, shape);
}

/** A rule for y = f(x), from dy, x and y. */
export function unaryGradient(rule: (dy: Value, x: Value, y: Value, node: Node) => Value): GradientRule {
  return (node, [dy]) => [dy && rule(dy, node.inputs[0] as Value, node.outputs[0] as Value, node)];
}

/** A rule for y = f(a, b) with broadcasting: the two partial gradients, before sums over repeated axes. */
export function binaryGradient(
  left: (dy: Value, a: Value, b: Value, y: Value) => Value,
  right: (dy: Value, a: Value, b: Value, y: Value) => Value,
): GradientRule {
  return (node, [dy], wanted) => {
    const [a, b] = node.inputs as [Value, Value];
    const y = node.outputs[0] as Value;
    return [
      dy && wanted[0] ? unbroadcast(left(dy, a, b, y), a.shape) : undefined,
      dy && wanted[1] ? unbroadcast(right(dy, a, b, y), b.shape) : undefined,
    ];
  };
}
