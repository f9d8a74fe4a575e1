import type { CallName, Calls, FromWorker, ToWorker } from "../messages/calls.js";

export interface CallOptions<Event> {
  readonly signal?: AbortSignal;
  readonly transfer?: Transferable[];
  readonly onEvent?: (event: Event) => void;
}

/** An error of the worker's, with its name there. */
export class WorkerError extends Error {}

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onEvent: ((event: never) => void) | undefined;
  /** What was asked, for another worker to be asked again; nothing where it went to the first one for good. */
  readonly message: ToWorker | undefined;
}

/** How long a cancelled call may take to end before the worker is ended, and how long an idle worker is kept. */
const [GRACE, IDLE] = [1_500, 60_000];

/**
 * The worker that does the work. It is started when it is needed, and ended when it doesn't stop in time or has been idle for a
 * while: WebAssembly's memory never shrinks. A worker holds nothing that the next one can't have again.
 */
export class WorkerClient {
  #worker: Worker | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly start: () => Worker) {}

  call<Name extends CallName>(
    name: Name,
    request: Calls[Name]["request"],
    { signal, transfer = [], onEvent }: CallOptions<Calls[Name]["event"]> = {},
  ): Promise<Calls[Name]["result"]> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      clearTimeout(this.#idle);
      const id = this.#count++;
      const message: ToWorker = { kind: "call", id, name, request };
      const repeatable = transfer.length === 0 ? message : undefined;
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject, onEvent, message: repeatable });
      this.#post(message, transfer);
      signal?.addEventListener("abort", () => this.#cancel(id, signal.reason as Error), { once: true });
    });
  }

  /** Ends the worker; with an error, all calls too. */
  #end(error?: Error): Waiting[] {
    clearTimeout(this.#idle);
    this.#worker?.terminate();
    this.#worker = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    if (error) for (const { reject } of waiting) reject(error);
    return waiting;
  }

  /** Another worker takes over what the one is to do that doesn't stop. */
  #replace(): void {
    for (const waiting of this.#end()) {
      if (!waiting.message) waiting.reject(new WorkerError("the worker was ended"));
      else {
        this.#waiting.set(waiting.message.id, waiting);
        this.#post(waiting.message, []);
      }
    }
  }

  #cancel(id: number, reason: Error): void {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#post({ kind: "cancel", id }, []);
    waiting.reject(reason);
    // It stays until the worker answers: a tile that is being computed can't be stopped, but its worker can.
    this.#waiting.set(id, { resolve: () => {}, reject: () => {}, onEvent: undefined, message: undefined });
    setTimeout(() => {
      if (this.#waiting.has(id)) this.#replace();
    }, GRACE);
  }

  #post(message: ToWorker, transfer: Transferable[]): void {
    this.#worker ??= this.#started();
    this.#worker.postMessage(message, transfer);
  }

  #started(): Worker {
    const worker = this.start();
    worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => this.#hear(data));
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      if (this.#worker !== worker) return;
      this.#end(new WorkerError(event.message ?? "the worker's script can't be loaded; reload the page"));
    });
    return worker;
  }

  #hear(message: FromWorker): void {
    const waiting = this.#waiting.get(message.id);
    if (!waiting) return;
    if (message.kind === "event") {
      (waiting.onEvent as ((event: unknown) => void) | undefined)?.(message.event);
      return;
    }
    this.#waiting.delete(message.id);
    if (this.#waiting.size === 0) this.#idle = setTimeout(() => this.#end(), IDLE);
    if (message.kind === "result") waiting.resolve(message.result);
    else waiting.reject(Object.assign(new WorkerError(message.message), { name: message.name }));
  }
}
