/** What `@slimsr/upscaler` is in Node, Deno and Bun. */
export * from "../index.js";
export type { EncodedImage } from "./input.js";
export type { ModelSource, SourceOptions } from "./model-source.js";
export { createSession } from "./session.js";
export { type FileOptions, type LoadOptions, type UpscaledFile, Upscaler } from "./upscaler.js";
