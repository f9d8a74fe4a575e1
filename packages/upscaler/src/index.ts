export * from "./session.js";
export { type CreateSession, type Upscaled, Upscaler, type UpscalerOptions } from "./upscaler.js";
