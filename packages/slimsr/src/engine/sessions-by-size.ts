import type { Session } from "@slimsr/upscaler/internal/engine/session.js";

/** Sessions of one graph for batches of several sizes, each opened at its first use. */
export class SessionsBySize {
  readonly #sessions = new Map<number, Promise<Session>>();

  /** @param open the graph's session for so many images */
  constructor(private readonly open: (size: number) => Promise<Session>) {}

  of(size: number): Promise<Session> {
    const session = this.#sessions.get(size) ?? this.open(size);
    this.#sessions.set(size, session);
    return session;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#sessions.values()].map(async (session) => (await session).close()));
    this.#sessions.clear();
  }
}
