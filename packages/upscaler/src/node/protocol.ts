import type { RunResult, SessionOptions, Tensors } from "../session.js";

/** What the session's owner asks of its worker thread. */
export type Request =
  | { id: number; kind: "create"; model: Uint8Array<ArrayBuffer> | string; options: SessionOptions }
  | { id: number; kind: "run"; feeds: Tensors; into: Tensors; move: readonly string[] }
  | { id: number; kind: "close" };

/** What the worker answers: the request's result, or what went wrong. */
export type Response =
  | { id: number; kind: "created" }
  | { id: number; kind: "ran"; result: RunResult }
  | { id: number; kind: "closed" }
  | { id: number; kind: "failed"; message: string };
