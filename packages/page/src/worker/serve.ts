import type { CallName, Calls, FromWorker, ToWorker } from "../messages/calls.js";

/** What a handler has beside its request. */
export interface Context<Event> {
  readonly signal: AbortSignal;
  tell(event: Event, transfer?: Transferable[]): void;
}

export type Handlers = {
  readonly [Name in CallName]: (
    request: Calls[Name]["request"],
    context: Context<Calls[Name]["event"]>,
  ) => Promise<Calls[Name]["result"]>;
};

/** Answers calls; those that are cancelled end with their signal's reason. */
export function serve(handlers: Handlers, transferOf: (result: unknown) => Transferable[]): void {
  const running = new Map<number, AbortController>();
  const post = (message: FromWorker, transfer: Transferable[] = []) => postMessage(message, { transfer });
  addEventListener("message", async ({ data }: MessageEvent<ToWorker>) => {
    const { id } = data;
    if (data.kind === "cancel") {
      running.get(id)?.abort();
      return;
    }
    const controller = new AbortController();
    running.set(id, controller);
    const handler = handlers[data.name] as (request: unknown, context: Context<unknown>) => Promise<unknown>;
    try {
      const result = await handler(data.request, {
        signal: controller.signal,
        tell: (event, transfer) => post({ kind: "event", id, event }, transfer),
      });
      post({ kind: "result", id, result }, transferOf(result));
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      post({ kind: "failed", id, name, message });
    } finally {
      running.delete(id);
    }
  });
}
