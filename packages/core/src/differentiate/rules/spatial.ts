import { GraphError } from "../../errors.js";
import { intOr, type Node } from "../../graph/index.js";
import { convInputGradient, convWeightGradient, maxPoolGradient } from "../../operators/gradients.js";
import { reduceSum } from "../../operators/index.js";
import { type GradientRule, input, output } from "../rule.js";

function requirePlanes(node: Node): void {
  if (output(node).shape.length === 4) return;
  throw new GraphError(`${node.operator} (output ${output(node).name}) has a gradient rule for [N, C, H, W] only`);
}

/**
 * y[n,o,p] = Σ_{i,k} w[o,i,k]·x[n,i,s·p + d·k − pad] + b[o].
 * dx: the convolution's adjoint applied to dy. dw[o,i,k] = Σ_{n,p} dy[n,o,p]·x[n,i,s·p + d·k − pad]. db[o] = Σ_{n,p} dy[n,o,p].
 */
const conv: GradientRule = (node, [dy], wanted) => {
  requirePlanes(node);
  if (!dy) return [];
  const [x, weight] = [input(node, 0), input(node, 1)];
  return [
    wanted[0] ? convInputGradient(dy, weight, x.shape, node.attributes) : undefined,
    wanted[1] ? convWeightGradient(x, dy, weight.shape, node.attributes) : undefined,
    wanted[2] ? reduceSum(dy, { axes: dy.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis])) }) : undefined,
  ];
};

/** Each window's gradient goes to its largest element, the first of equals. */
const maxPool: GradientRule = (node, [dy]) => {
  requirePlanes(node);
  if (intOr(node.attributes, "storage_order", 0) !== 0) {
    throw new GraphError("MaxPool has a gradient rule for indices in row-major order only");
  }
  return [dy && maxPoolGradient(dy, input(node, 0), output(node), node)];
};

export const spatialRules: Record<string, GradientRule> = { Conv: conv, MaxPool: maxPool };
