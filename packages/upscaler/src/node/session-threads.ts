import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { DeviceError } from "@slimsr/core/internal/errors.js";
import type { Request, Response, SessionWorker } from "../engine/protocol.js";
import type { Source } from "./session.js";
import { newTurns } from "./turns.js";

const WORKER = createRequire(import.meta.url).resolve("#session-worker");

/** Of all sessions of this process. */
const TURNS = newTurns();

/** Threads without a session, for the next ones: one takes a tenth of a second to start, most of what a small model takes. */
const idle: Thread[] = [];

const MOST_IDLE = 2;

/** A thread that was sent so many bytes ends with its session: what it was sent may lie there until it has more to do. */
const MOST_SENT = 2 ** 25;

/** A thread for one session at a time. While a request is under way it keeps the process alive; idle it doesn't. */
class Thread {
  // The process' own flags may not suit a thread: --input-type=module of `node -e` wouldn't.
  readonly #worker = new Worker(WORKER, { execArgv: [], workerData: TURNS });
  #answer: (response: Response) => void = () => undefined;
  #failure: (error: Error) => void = () => undefined;
  #unanswered = 0;
  #sent = 0;
  /** Whether it holds no session and nothing went wrong. */
  #isFree = false;

  constructor() {
    this.#worker.unref();
    this.#worker.on("message", (response: Response) => {
      if (--this.#unanswered === 0) this.#worker.unref();
      this.#isFree = response.kind === "closed";
      this.#answer(response);
    });
    this.#worker.on("messageerror", (error) => {
      void this.#worker.terminate();
      this.#fail(`the engine's answer can't be read: ${error.message}`);
    });
    this.#worker.on("error", (error) => this.#fail(`the engine's thread failed: ${error.message}`));
    this.#worker.on("exit", () => this.#fail("the session is closed"));
  }

  #fail(message: string): void {
    this.#isFree = false;
    if (idle.includes(this)) idle.splice(idle.indexOf(this), 1);
    this.#failure(new DeviceError(message));
  }

  /** The thread as a new session sees it. */
  session({ isKept }: { readonly isKept: boolean }): SessionWorker<Source> {
    return {
      post: (request, transfer) => {
        this.#worker.postMessage(request, transfer);
        this.#isFree = false;
        this.#sent += bytesOf(request);
        if (this.#unanswered++ === 0) this.#worker.ref();
      },
      listen: (answer, failure) => {
        [this.#answer, this.#failure] = [answer, failure];
      },
      terminate: async () => {
        if (isKept && this.#isFree && this.#sent < MOST_SENT && idle.length < MOST_IDLE) idle.push(this);
        else await this.#worker.terminate();
      },
    };
  }
}

/** A thread for a session; all sessions on a GPU have threads of their own, which end with them. */
export function sessionThread({ options: { device = "cpu" } }: Source): SessionWorker<Source> {
  const isKept = device === "cpu";
  return ((isKept && idle.pop()) || new Thread()).session({ isKept });
}

function bytesOf(request: Request<Source>): number {
  if (request.kind === "create") return typeof request.source.model === "string" ? 0 : request.source.model.length;
  if (request.kind !== "run") return 0;
  return [...Object.values(request.feeds), ...Object.values(request.into)].reduce(
    (sum, { data }) => sum + data.byteLength,
    0,
  );
}
