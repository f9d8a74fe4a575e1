import type { Graph } from "../../src/graph/index.js";
import { lowerBlocked } from "../../src/lowering/blocked/index.js";
import { lowerOwnOperators } from "../../src/lowering/portable.js";
import { lowerForWebgpu } from "../../src/lowering/webgpu.js";
import { blockSize } from "../../src/runtime/index.js";

/** Channels in a block of this processor's blocked layout; 1 where it has none. */
export const BLOCK = await blockSize();

/** Every way of writing our own operators as ONNX's that this processor can run. */
export const LOWERINGS: Readonly<Record<string, (graph: Graph) => Graph>> = {
  portable: lowerOwnOperators,
  "for WebGPU": lowerForWebgpu,
  ...(BLOCK > 1 && { blocked: (graph: Graph) => lowerBlocked(graph, BLOCK) }),
};
