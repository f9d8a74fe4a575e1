import type { RunResult, Tensor, Tensors } from "./session.js";

/** What a session asks of its worker; `Source` is a model, and how it is to be compiled. */
export type Request<Source> =
  | { id: number; kind: "create"; source: Source }
  | { id: number; kind: "run"; feeds: Tensors; into: Tensors; move: readonly string[] }
  | { id: number; kind: "carried" }
  | { id: number; kind: "close" };

/** What the worker answers: the request's result, or what went wrong. */
export type Response =
  | { id: number; kind: "created" }
  | { id: number; kind: "ran"; result: RunResult }
  | { id: number; kind: "carried"; tensors: Record<string, Tensor> }
  | { id: number; kind: "closed" }
  | { id: number; kind: "failed"; message: string };

/** A worker as its session sees it: a thread of Node's, or a browser's. */
export interface SessionWorker<Source> {
  post(request: Request<Source>, transfer: ArrayBuffer[]): void;
  /** Hears the worker's answers, and that it has failed or ended. */
  listen(answer: (response: Response) => void, failure: (error: Error) => void): void;
  terminate(): Promise<void>;
}

/** A session as its worker sees it. */
export interface SessionPort<Source> {
  post(response: Response, transfer: ArrayBuffer[]): void;
  listen(request: (request: Request<Source>) => void): void;
}
