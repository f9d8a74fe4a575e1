/**
 * Upscales images with super-resolution networks in ONNX Runtime, anywhere JavaScript runs. `@slimsr/upscaler` is what the platform
 * has: `@slimsr/upscaler/node` in Node, Deno and Bun, `@slimsr/upscaler/web` in pages and workers.
 *
 * The engines, and sharp, which decodes files in Node, are peer dependencies: a program installs what it uses. Bundlers find the Web
 * Worker's scripts by themselves (Vite, webpack) or take them as entries (esbuild): web/session-worker-cpu.js,
 * web/session-worker-webgpu.js and web/session-worker-jspi.js.
 *
 * In the sources, engine/session.ts is the interface to an engine. A session (worker-session.ts) asks, and its worker (serve.ts)
 * answers, in the messages of protocol.ts. tiling/ runs a network on planes of any size; images/ are pixels, loading/ models,
 * upscaling/ what makes of all that an upscaler; node/ and web/ bring workers, files and pictures.
 */

export * from "./engine/session.js";
export type { Pixels } from "./images/pixels.js";
export { DEFAULT_MODEL, SHIPPED_MODELS, type ShippedModel } from "./loading/shipped-models.js";
export { type CreateSession, TiledNetwork, type TiledNetworkOptions, type Upscaled } from "./tiling/tiled-network.js";
export type { EnlargedTile } from "./upscaling/bands.js";
export type { InferenceEngine } from "./upscaling/injected-engine.js";
export type { Progress, UpscaleOptions, UpscalingWork } from "./upscaling/pixel-upscaler.js";
