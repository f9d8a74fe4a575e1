import type { Graph } from "../graph/index.js";
import { lowerBlocked } from "../lowering/blocked/index.js";
import { lowerOwnOperators } from "../lowering/portable.js";
import { lowerForWebgpu } from "../lowering/webgpu.js";
import { blockSize, createSession, type Session, type SessionOptions } from "../runtime/index.js";

/** Lowers a graph with operators of our own in the way that is fastest on the device, and compiles it. */
export async function compile(graph: Graph, options: SessionOptions = {}): Promise<Session> {
  const { device = "cpu" } = options;
  if (device === "webgpu") return createSession(lowerForWebgpu(graph), options);
  const block = device === "cpu" ? await blockSize() : 1;
  return createSession(block > 1 ? lowerBlocked(graph, block) : lowerOwnOperators(graph), options);
}
