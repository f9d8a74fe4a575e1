import { elements, type Graph, liveNodes, type Value } from "@slimsr/core/internal/graph/index.js";
import { type StepOptions, trainingStep } from "./step.js";

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

/** What a training step costs. */
export interface StepCost {
  /** Floating-point operations of a step, over all its micro-batches. */
  readonly flops: number;
  /** Share of them that the contrastive loss takes: VGG19, forward and backward. */
  readonly vggShare: number;
}

export function stepCost({ accumulate, ...options }: StepOptions & { accumulate: number }): StepCost {
  const { contrastive, ...rest } = options;
  const flops = graphFlops(trainingStep(options));
  const without = contrastive ? graphFlops(trainingStep(rest)) : flops;
  return { flops: flops * accumulate, vggShare: 1 - without / flops };
}
