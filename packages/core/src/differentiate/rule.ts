import { type Node, type Shape, sameShape, type Value } from "../graph/index.js";
import { reduceSum, reshape } from "../operators/index.js";

/**
 * The gradient of one operator: from the gradients of a node's outputs (undefined where nothing depends on one) to those of its inputs.
 * Only what `wanted` marks is computed; the rest is left undefined.
 */
export type GradientRule = (
  node: Node,
  outputGradients: readonly (Value | undefined)[],
  wanted: readonly boolean[],
) => readonly (Value | undefined)[];

/** An input that the operator can't do without. */
export const input = (node: Node, index: number): Value => {
  const value = node.inputs[index];
  if (!value) throw new TypeError(`${node.operator} without input ${index}`);
  return value;
};

export const output = (node: Node): Value => node.outputs[0] as Value;

/** The adjoint of broadcasting: sums `gradient` over the axes along which `shape` was repeated. */
export function unbroadcast(gradient: Value, shape: Shape): Value {
  if (sameShape(gradient.shape, shape)) return gradient;
  const extra = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((size, i) => (i < extra || (size !== 1 && shape[i - extra] === 1) ? [i] : []));
  return reshape(axes.length > 0 ? reduceSum(gradient, { axes, keep: true }) : gradient, shape);
}
