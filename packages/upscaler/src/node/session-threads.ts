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

/** A message to or from one of a thread's sessions. */
export interface Addressed<Message> {
  readonly session: number;
  readonly message: Message;
}

/** A session as its thread sees it. */
interface Listener {
  readonly answer: (response: Response) => void;
  readonly failure: (error: Error) => void;
}

/** A thread of one session or of several that run in turn. While a request is under way it keeps the process alive; idle it doesn't. */
export class Thread {
  // The process' own flags may not suit a thread: --input-type=module of `node -e` wouldn't.
  readonly #worker = new Worker(WORKER, { execArgv: [], workerData: TURNS });
  readonly #sessions = new Map<number, Listener>();
  #count = 0;
  #unanswered = 0;
  #sent = 0;
  /** Whether each session that left it was closed. */
  #isSound = true;
  #hasEnded = false;

  /** @param isKept whether it serves other sessions after its last */
  constructor(private readonly isKept: boolean) {
    this.#worker.unref();
    this.#worker.on("message", ({ session, message }: Addressed<Response>) => {
      if (--this.#unanswered === 0) this.#worker.unref();
      this.#sessions.get(session)?.answer(message);
    });
    this.#worker.on("messageerror", (error) => {
      void this.#worker.terminate();
      this.#fail(`the engine's answer can't be read: ${error.message}`);
    });
    this.#worker.on("error", (error) => this.#fail(`the engine's thread failed: ${error.message}`));
    this.#worker.on("exit", () => this.#fail("the session is closed"));
  }

  /** Whether it holds a session and takes others. */
  get isShared(): boolean {
    return this.isKept && !this.#hasEnded && this.#sessions.size > 0;
  }

  #fail(message: string): void {
    this.#hasEnded = true;
    if (idle.includes(this)) idle.splice(idle.indexOf(this), 1);
    for (const { failure } of this.#sessions.values()) failure(new DeviceError(message));
  }

  /** The thread as a new session sees it. */
  session(): SessionWorker<Source> {
    const session = this.#count++;
    let isClosed = false;
    return {
      post: (message, transfer) => {
        this.#worker.postMessage({ session, message } satisfies Addressed<typeof message>, transfer);
        this.#sent += bytesOf(message);
        if (this.#unanswered++ === 0) this.#worker.ref();
      },
      listen: (answer, failure) => {
        const hear = (response: Response) => {
          isClosed = response.kind === "closed";
          answer(response);
        };
        this.#sessions.set(session, { answer: hear, failure });
      },
      terminate: async () => {
        this.#sessions.delete(session);
        this.#isSound &&= isClosed;
        if (this.#sessions.size > 0) return;
        const isUsable = this.isKept && this.#isSound && !this.#hasEnded;
        if (isUsable && this.#sent < MOST_SENT && idle.length < MOST_IDLE) idle.push(this);
        else await this.#worker.terminate();
      },
    };
  }
}

/**
 * A thread for a session. All sessions on a GPU have threads of their own, which end with them.
 * @param beside the thread of a session that never runs at the same time
 */
export function threadFor({ options: { device = "cpu" } }: Source, beside?: Thread): Thread {
  if (device !== "cpu") return new Thread(false);
  return (beside?.isShared ? beside : idle.pop()) ?? new Thread(true);
}

function bytesOf(request: Request<Source>): number {
  if (request.kind === "create") return typeof request.source.model === "string" ? 0 : request.source.model.length;
  if (request.kind !== "run") return 0;
  return [...Object.values(request.feeds), ...Object.values(request.into)].reduce(
    (sum, { data }) => sum + data.byteLength,
    0,
  );
}
