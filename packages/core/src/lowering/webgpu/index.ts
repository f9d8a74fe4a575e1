import { type Graph, type Operator, type Replacement, rewrite, type Value } from "../../graph/index.js";
import { geometryOf } from "../../operators/geometry.js";
import {
  Conv,
  ConvWeightGradient,
  FusedMatMul,
  MaxPoolGradient,
  Mul,
  ReduceL1,
  ReduceSum,
  ReduceSumSquare,
  Sign,
  Sum,
} from "../../operators/index.js";
import { portableReplacement } from "../portable.js";
import { splitVectors } from "./cuts.js";
import { addOneByOne, choose, compareWithZero, transposeFirst, widenConvolution } from "./kernels.js";
import { compareWindows } from "./max-pool.js";
import { reduceInTwoSteps } from "./reductions.js";
import { weightGradient } from "./weight-gradient.js";

/**
 * Writes our own operators as ONNX's, and works around what ONNX Runtime's WebGPU kernels (1.30) don't do right, not at all, or
 * slowly. What has no kernel runs on the processor, to which its inputs are copied when all that was asked of the GPU is done.
 */
export const lowerForWebgpu = (graph: Graph): Graph => {
  const ours = rewrite(graph, () => ownReplacement);
  return rewrite(ours, () => {
    const splitVector = splitVectors(ours);
    return (node, inputs) => splitVector(node, inputs) ?? REPLACEMENTS.get(node.operator)?.(node, inputs);
  });
};

/** Gives convolutions that WebGPU kernels get wrong some channels of zeros, with which they get them right. */
export const widenConvolutions = (graph: Graph): Graph =>
  rewrite(graph, () => (node, inputs) => (node.operator === Conv ? widenConvolution(node, inputs) : undefined));

const ownReplacement: Replacement = (node, inputs) => {
  const [first, second, third] = inputs as [Value, Value, Value];
  // Max pooling yields no indices there, so its gradient does without.
  if (node.operator === MaxPoolGradient) return [compareWindows(first, second, third, node)];
  if (node.operator === ConvWeightGradient) {
    return [weightGradient(first, second, (node.outputs[0] as Value).shape, geometryOf(node))];
  }
  return portableReplacement(node, inputs);
};

const REPLACEMENTS: ReadonlyMap<Operator, Replacement> = new Map([
  [Conv, widenConvolution],
  [FusedMatMul, transposeFirst],
  [Mul, choose],
  [Sum, addOneByOne],
  [Sign, compareWithZero],
  [ReduceSum, reduceInTwoSteps],
  [ReduceL1, reduceInTwoSteps],
  [ReduceSumSquare, reduceInTwoSteps],
]);
