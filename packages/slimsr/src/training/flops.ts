import { type Graph, liveNodes } from "@slimsr/core/internal/graph/index.js";
import { multiplyAccumulates } from "@slimsr/core/internal/model/cost.js";
import { type StepOptions, trainingStep } from "./step.js";

/** Floating-point operations of a graph's convolutions, their gradients and matrix products; a multiply-add is two. */
export const graphFlops = (graph: Graph): number =>
  liveNodes(graph).reduce((total, node) => total + 2 * multiplyAccumulates(node), 0);

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
