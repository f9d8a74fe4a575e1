import type { Graph } from "@slimsr/core/internal/graph/index.js";
import { lowerBlocked } from "@slimsr/core/internal/lowering/blocked/index.js";
import { lowerOwnOperators } from "@slimsr/core/internal/lowering/portable.js";
import { settleSizes } from "@slimsr/core/internal/lowering/sizes.js";
import { lowerForWebgpu } from "@slimsr/core/internal/lowering/webgpu/index.js";
import type { Session, SessionOptions } from "@slimsr/upscaler/internal/engine/session.js";
import { blockSize } from "./blocks.js";
import { createSession } from "./session.js";

/** Lowers a graph with operators of our own in the way that is fastest on the device, and compiles it. */
export async function compile(graph: Graph, options: SessionOptions = {}): Promise<Session> {
  const { device = "cpu" } = options;
  const settled = settleSizes(graph);
  if (device === "webgpu") return createSession(lowerForWebgpu(settled), options);
  const block = device === "cpu" ? await blockSize() : 1;
  return createSession(block > 1 ? lowerBlocked(settled, block) : lowerOwnOperators(settled), options);
}
