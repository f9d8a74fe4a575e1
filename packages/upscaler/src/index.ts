/**
 * Runs super-resolution networks in ONNX Runtime.
 *
 * - `@slimsr/upscaler`: the interface of sessions and their tensors, without an engine.
 * - `@slimsr/upscaler/node`: `createSession` by onnxruntime-node in a worker thread, on cpu, webgpu or cuda.
 * - `@slimsr/upscaler/web`: `createSession` by onnxruntime-web in a Web Worker, on cpu (WebAssembly) or webgpu.
 *
 * The engines are peer dependencies: a program installs the one that it uses. Bundlers find the Web Worker's scripts by
 * themselves (Vite, webpack) or take them as entries (esbuild): web/session-worker-cpu.js and web/session-worker-webgpu.js.
 *
 * In the sources, session.ts is the interface. A session (worker-session.ts) asks, and its worker (serve.ts) answers, in the
 * messages of protocol.ts; node/ and web/ bring the worker, the engine and what is theirs alone.
 */
export * from "./session.js";
export { type CreateSession, TiledNetwork, type TiledNetworkOptions, type Upscaled } from "./tiled-network.js";
