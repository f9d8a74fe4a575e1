import { GraphError } from "../../errors.js";
import { elements, floatOr, intOr, type Node, type Shape, type Value } from "../../graph/index.js";
import { reducedAxes } from "../../graph/shapes/reduction.js";
import { Operands } from "../../graph/shapes/rule.js";
import { div, expand, matMul, mul, reshape, sign } from "../../operators/index.js";
import { type GradientRule, input, output, unbroadcast } from "../rule.js";

/** The input's shape with its reduced axes as 1, whether the node kept them or not. */
function keptShape({ operator, inputs, attributes }: Node): number[] {
  const operands = new Operands(operator, inputs, attributes);
  const axes = reducedAxes(operands);
  return operands.required(0).shape.map((size, i) => (axes.includes(i) ? 1 : size));
}

/** dy, shaped so that it broadcasts against the input. */
const spread = (node: Node, dy: Value): Value => reshape(dy, keptShape(node));

/** A rule for a reduction, from the spread dy (and y) and x. */
const reduction =
  (rule: (dy: Value, x: Value, node: Node) => Value): GradientRule =>
  (node, [dy]) => [dy && rule(spread(node, dy), input(node, 0), node)];

const meanSize = (node: Node): number => elements(input(node, 0).shape) / elements(output(node).shape);

/** Broadcast that isn't left to an elementwise operator. */
const full = (dy: Value, shape: Shape): Value => expand(dy, shape);

/**
 * C = s·A·B. dA = s·dC·Bᵀ, dB = s·Aᵀ·dC; for a transposed operand the factors swap. Summed over broadcast batches.
 */
const product: GradientRule = (node, [dy], wanted) => {
  if (!dy) return [];
  if (node.operator === "Gemm") throw new GraphError("Gemm has no gradient rule; write MatMul and Add");
  const [a, b] = [input(node, 0), input(node, 1)];
  const [transA, transB] = ["transA", "transB"].map((name) => intOr(node.attributes, name, 0) !== 0);
  const scale = floatOr(node.attributes, "alpha", 1);
  const da = () =>
    transA
      ? matMul(b, dy, { transposeLeft: transB === true, transposeRight: true, scale })
      : matMul(dy, b, { transposeRight: !transB, scale });
  const db = () =>
    transB
      ? matMul(dy, a, { transposeLeft: true, transposeRight: transA === true, scale })
      : matMul(a, dy, { transposeLeft: !transA, scale });
  return [wanted[0] ? unbroadcast(da(), a.shape) : undefined, wanted[1] ? unbroadcast(db(), b.shape) : undefined];
};

export const reductionRules: Record<string, GradientRule> = {
  ReduceSum: reduction((dy, x) => full(dy, x.shape)),
  ReduceMean: reduction((dy, x, node) => full(div(dy, meanSize(node)), x.shape)),
  // The mean over all positions keeps its axes.
  GlobalAveragePool: (node, [dy]) => [dy && full(div(dy, meanSize(node)), input(node, 0).shape)],
  // d Σ|x| = sign(x)
  ReduceL1: reduction((dy, x) => mul(sign(x), dy)),
  // d Σx² = 2x
  ReduceSumSquare: reduction((dy, x) => mul(mul(x, 2), dy)),
  MatMul: product,
  FusedMatMul: product,
};
