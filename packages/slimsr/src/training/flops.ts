import { type Graph, liveNodes, type Value } from "@slimsr/core/internal/graph/index.js";
import { multiplyAccumulates } from "@slimsr/core/internal/model/cost.js";
import { type StepOptions, trainingStep } from "./step.js";

/** Floating-point operations of a graph's convolutions, their gradients and matrix products; a multiply-add is two. */
export const graphFlops = (graph: Graph): number =>
  liveNodes(graph).reduce((total, node) => total + 2 * multiplyAccumulates(node), 0);

/** What a training step costs. */
export interface StepCost {
  /** Floating-point operations of a step, over all its micro-batches. */
  readonly flops: number;
  /** Share of them that the features of the contrastive loss take, forward and backward. */
  readonly featureShare: number;
}

export function stepCost({ accumulate, ...options }: StepOptions & { accumulate: number }): StepCost {
  const { contrastive } = options;
  const flops = graphFlops(trainingStep(options));
  const pixels = contrastive && { ...contrastive, features: () => (images: Value) => [images], taps: [1] };
  const without = pixels ? graphFlops(trainingStep({ ...options, contrastive: pixels })) : flops;
  return { flops: flops * accumulate, featureShare: 1 - without / flops };
}
