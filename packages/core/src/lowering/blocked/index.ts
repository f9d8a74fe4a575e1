import { consumersOf, Graph, liveNodes, type Node, type Value } from "../../graph/index.js";
import { portableReplacement } from "../portable.js";
import { lowerRearrangement, lowerShuffle, lowerUnshuffle } from "./arrangement.js";
import { lowerConv, lowerInputGradient, lowerWeightGradient } from "./convolutions.js";
import { lowerElementwise, lowerSign } from "./elementwise.js";
import { Layouts } from "./layouts.js";
import { lowerExpand, lowerMaxPool, lowerReduceAll, lowerReduceSum } from "./reductions.js";

/**
 * Writes a graph so that its convolutions, and all between them, run in ONNX Runtime's blocked layout with blocks of `block`
 * channels. The engine does this by itself for constant weights only; here weights are inputs, and gradients take part.
 */
export function lowerBlocked(source: Graph, block: number): Graph {
  const target = new Graph(source.name);
  const layouts = new Layouts(target, block);
  const nodes = liveNodes(source);
  const readers = consumersOf(nodes);
  const outputs = new Set(source.outputs.values());
  const fused = new Set<Node>();

  /** Writes the node for the blocked layout; false where it is left in NCHW. */
  const lower = (node: Node): boolean => {
    switch (node.operator) {
      case "Conv": {
        const [reader, ...others] = readers.get(node.outputs[0] as Value) ?? [];
        const alone = others.length === 0 && !outputs.has(node.outputs[0] as Value);
        const relu = alone && reader?.operator === "Relu" ? reader : undefined;
        const done = lowerConv(node, layouts, relu);
        if (done && relu) fused.add(relu);
        return done;
      }
      case "ConvInputGradient":
        return lowerInputGradient(node, layouts);
      case "ConvWeightGradient":
        return lowerWeightGradient(node, layouts);
      case "MaxPool":
        return lowerMaxPool(node, layouts, readers.has(node.outputs[1] as Value));
      case "DepthToSpace":
        return lowerShuffle(node, layouts);
      case "PixelUnshuffle":
        return lowerUnshuffle(node, layouts);
      case "Sign":
        return lowerSign(node, layouts);
      case "ReduceSum":
        return lowerReduceSum(node, layouts);
      case "ReduceL1":
        return lowerReduceAll(node, layouts);
      case "Expand":
        return lowerExpand(node, layouts);
      case "Slice":
      case "Concat":
        return lowerRearrangement(node, layouts);
      default:
        return lowerElementwise(node, layouts);
    }
  };

  for (const value of source.inputs) layouts.setPlain(value, target.input(value.name, value.shape, value.dtype));
  for (const node of nodes) if (!fused.has(node) && !lower(node)) carryOver(node, layouts);
  for (const [name, value] of source.outputs) target.output(name, layouts.plain(value));
  return target;
}

function carryOver(node: Node, layouts: Layouts): void {
  const inputs = node.inputs.map((value) => value && layouts.plain(value));
  const { operator, attributes, domain } = node;
  const outputs = portableReplacement(node, inputs) ?? layouts.target.apply(operator, inputs, attributes, { domain });
  node.outputs.forEach((value, i) => {
    const output = outputs[i];
    if (output) layouts.setPlain(value, output);
  });
}
