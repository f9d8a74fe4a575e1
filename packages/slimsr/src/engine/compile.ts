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
  return createSession(await lowered(graph, options), options);
}

/** A graph with operators of our own as the engine's, in the way that is fastest on the device. */
export async function lowered(graph: Graph, { device = "cpu" }: SessionOptions = {}): Promise<Graph> {
  const settled = settleSizes(graph);
  if (device === "webgpu") return lowerForWebgpu(settled);
  const block = device === "cpu" ? await blockSize() : 1;
  return block > 1 ? lowerBlocked(settled, block) : lowerOwnOperators(settled);
}
