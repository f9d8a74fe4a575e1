import type { Graph } from "@slimsr/core/internal/graph/index.js";
import { writeOnnx } from "@slimsr/core/internal/onnx/index.js";
import type { Session, SessionOptions } from "@slimsr/upscaler/internal/engine/session.js";
import { lowered } from "./compile.js";
import { createSession } from "./session.js";

/** Sessions of small graphs that run one after another: those of equal structure are one, and all share a thread. */
export class SessionsInTurn {
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(private readonly options: SessionOptions) {}

  /** The graph's session, compiled at its first use. */
  async of(graph: Graph): Promise<Session> {
    const key = Buffer.from(writeOnnx(graph)).toString("latin1");
    const [first] = this.#sessions.values();
    const session = this.#sessions.get(key) ?? this.#open(graph, first);
    this.#sessions.set(key, session);
    return session;
  }

  async #open(graph: Graph, first: Promise<Session> | undefined): Promise<Session> {
    return createSession(await lowered(graph, this.options), this.options, await first);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(async (session) => (await session).close()));
    this.#sessions.clear();
  }
}
