import type { SessionOptions } from "../engine/session.js";

/**
 * `threads` counts where the page is isolated from other origins (headers COOP and COEP); elsewhere there is one.
 * `profile`, `optimisedModel`, `carried` and `spinning: false` are refused.
 */
export interface WebSessionOptions extends SessionOptions {
  /**
   * Address of a folder that holds onnxruntime-web's .mjs and .wasm files, with a slash at its end, as the page sees it. By
   * default the engine's code is the worker's script's, and the .wasm file lies where the bundler puts it or beside that script.
   */
  wasmPaths?: string;
}

/** A model's bytes, and how they are to be compiled. */
export interface Source {
  readonly model: Uint8Array<ArrayBuffer>;
  readonly options: WebSessionOptions;
}
