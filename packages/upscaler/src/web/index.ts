/** What `@slimsr/upscaler` is in pages and workers. */
export * from "../index.js";
export type { WebImage } from "./images.js";
export type { ModelSource, SourceOptions } from "./model-source.js";
export { createSession, type WebSessionOptions } from "./session.js";
export { type FormOf, type Forms, type ImageOptions, type LoadOptions, Upscaler } from "./upscaler.js";
