import { Graph, type Value } from "@slimsr/core/internal/graph/index.js";
import { writeOnnx } from "@slimsr/core/internal/onnx/index.js";
import type { Session, Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { createSession } from "../engine/session.js";

/** Declares outputs that are made of values which are fed. */
export type Assembly = (graph: Graph, fed: readonly Value[]) => void;

/** Runs a few nodes at a time on the engine. What has the same structure shares a session. */
export class NodeRunner {
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(private readonly threads?: number) {}

  /** The outputs that `assemble` declares, by their names. */
  async run(tensors: readonly Tensor[], assemble: Assembly): Promise<Record<string, Tensor>> {
    const graph = new Graph("nodes");
    const fed = tensors.map(({ shape, dtype }, i) => graph.input(`in.${i}`, shape, dtype));
    assemble(graph, fed);
    const model = writeOnnx(graph);
    const key = Buffer.from(model).toString("latin1");
    const { threads } = this;
    const session =
      this.#sessions.get(key) ?? createSession(model, { spinning: false, ...(threads !== undefined && { threads }) });
    this.#sessions.set(key, session);
    const feeds = Object.fromEntries(tensors.map((tensor, i) => [`in.${i}`, tensor]));
    return (await (await session).run(feeds)).outputs;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(async (session) => (await session).close()));
    this.#sessions.clear();
  }
}
