import type { Graph } from "../graph/index.js";
import { lowerOwnOperators } from "../lowering/portable.js";
import { createSession, type Session, type SessionOptions } from "../runtime/index.js";

/** Lowers a graph with operators of our own for the device, and compiles it. */
export async function compile(graph: Graph, options: SessionOptions = {}): Promise<Session> {
  return createSession(lowerOwnOperators(graph), options);
}
