/** What `@slimsr/upscaler` is in pages and workers. */
export * from "../index.js";
export type { ModelSource, SourceOptions } from "./model-source.js";
export { createSession, type WebSessionOptions } from "./session.js";
