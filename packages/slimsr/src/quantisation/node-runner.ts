import { Graph, type Value } from "@slimsr/core/internal/graph/index.js";
import type { Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { SessionsInTurn } from "../engine/sessions-in-turn.js";

/** Declares outputs that are made of values which are fed. */
export type Assembly = (graph: Graph, fed: readonly Value[]) => void;

/** Runs a few nodes at a time on the engine. */
export class NodeRunner {
  readonly #sessions = new SessionsInTurn({ spinning: false });

  /** The outputs that `assemble` declares, by their names. */
  async run(tensors: readonly Tensor[], assemble: Assembly): Promise<Record<string, Tensor>> {
    const graph = new Graph("nodes");
    const fed = tensors.map(({ shape, dtype }, i) => graph.input(`in.${i}`, shape, dtype));
    assemble(graph, fed);
    const session = await this.#sessions.of(graph);
    const feeds = Object.fromEntries(tensors.map((tensor, i) => [`in.${i}`, tensor]));
    return (await session.run(feeds)).outputs;
  }

  close(): Promise<void> {
    return this.#sessions.close();
  }
}
