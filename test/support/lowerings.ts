import type { Graph } from "../../packages/core/src/graph/index.js";
import { lowerBlocked } from "../../packages/core/src/lowering/blocked/index.js";
import { lowerOwnOperators } from "../../packages/core/src/lowering/portable.js";
import { lowerForWebgpu } from "../../packages/core/src/lowering/webgpu/index.js";
import { blockSize } from "../../packages/slimsr/src/engine/blocks.js";

/** Channels in a block of this processor's blocked layout; 1 where it has none. */
export const BLOCK = await blockSize();

/** Every way of writing our own operators as ONNX's that this processor can run. */
export const LOWERINGS: Readonly<Record<string, (graph: Graph) => Graph>> = {
  portable: lowerOwnOperators,
  "for WebGPU": lowerForWebgpu,
  ...(BLOCK > 1 && { blocked: (graph: Graph) => lowerBlocked(graph, BLOCK) }),
};
