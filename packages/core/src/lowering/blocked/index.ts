import { consumersOf, Graph, liveNodes, type Node, type Operator, type Value } from "../../graph/index.js";
import {
  Concat,
  Conv,
  ConvInputGradient,
  ConvWeightGradient,
  DepthToSpace,
  Expand,
  MaxPool,
  PixelUnshuffle,
  ReduceL1,
  ReduceSum,
  Sign,
  Slice,
} from "../../operators/index.js";
import { portableReplacement } from "../portable.js";
import { lowerRearrangement, lowerShuffle, lowerUnshuffle } from "./arrangement.js";
import { lowerConv, lowerInputGradient, lowerWeightGradient } from "./convolutions.js";
import { lowerElementwise, lowerSign } from "./elementwise.js";
import { Layouts } from "./layouts.js";
import { lowerExpand, lowerMaxPool, lowerReduceAll, lowerReduceSum } from "./reductions.js";
import type { BlockedRule, Readers } from "./rule.js";

const RULES: ReadonlyMap<Operator, BlockedRule> = new Map([
  [Conv, lowerConv],
  [ConvInputGradient, lowerInputGradient],
  [ConvWeightGradient, lowerWeightGradient],
  [MaxPool, lowerMaxPool],
  [DepthToSpace, lowerShuffle],
  [PixelUnshuffle, lowerUnshuffle],
  [Sign, lowerSign],
  [ReduceSum, lowerReduceSum],
  [ReduceL1, lowerReduceAll],
  [Expand, lowerExpand],
  [Slice, lowerRearrangement],
  [Concat, lowerRearrangement],
]);

/**
 * Writes a graph so that its convolutions, and all between them, run in ONNX Runtime's blocked layout with blocks of `block`
 * channels. The engine does this by itself for constant weights only; here weights are inputs, and gradients take part.
 */
export function lowerBlocked(source: Graph, block: number): Graph {
  const target = new Graph(source.name);
  const layouts = new Layouts(target, block);
  const nodes = liveNodes(source);
  const readersOf = readersIn(source, nodes);
  for (const value of source.inputs) layouts.setPlain(value, target.input(value.name, value.shape, value.dtype));
  for (const node of nodes) {
    // A convolution may have done the ReLU behind it.
    if (layouts.hasBlocked(node.outputs[0] as Value)) continue;
    const lower = RULES.get(node.operator) ?? lowerElementwise;
    if (!lower(node, layouts, readersOf)) carryOver(node, layouts);
  }
  for (const [name, value] of source.outputs) target.output(name, layouts.plain(value));
  return target;
}

function readersIn(graph: Graph, nodes: readonly Node[]): Readers {
  const consumers = consumersOf(nodes);
  const outputs = new Set(graph.outputs.values());
  return (value) => [...(consumers.get(value) ?? []), ...(outputs.has(value) ? [undefined] : [])];
}

function carryOver(node: Node, layouts: Layouts): void {
  const inputs = node.inputs.map((value) => value && layouts.plain(value));
  const outputs = portableReplacement(node, inputs) ?? layouts.target.apply(node.operator, inputs, node.attributes);
  node.outputs.forEach((value, i) => {
    const output = outputs[i];
    if (output) layouts.setPlain(value, output);
  });
}
