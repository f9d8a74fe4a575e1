import { elements, type Graph, liveNodes, type Value } from "../../src/graph/index.js";

/** Floating-point operations of a graph's convolutions, their gradients and matrix products; a multiply-add is two. */
export function graphFlops(graph: Graph): number {
  let total = 0;
  for (const { operator, inputs, outputs } of liveNodes(graph)) {
    const [first, second] = inputs as Value[];
    const output = outputs[0] as Value;
    if (operator === "Conv") total += 2 * elements(output.shape) * elements((second as Value).shape.slice(1));
    if (operator === "ConvInputGradient")
      total += 2 * elements((first as Value).shape) * elements((second as Value).shape.slice(1));
    if (operator === "ConvWeightGradient") {
      const filters = output.shape[0] as number;
      total += 2 * (elements((second as Value).shape) / filters) * elements(output.shape);
    }
    if (operator === "MatMul") total += 2 * elements(output.shape) * ((first as Value).shape.at(-1) as number);
  }
  return total;
}
