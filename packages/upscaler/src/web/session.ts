import { DeviceError } from "@slimsr/core/internal/errors.js";
import type { Graph } from "@slimsr/core/internal/graph/index.js";
import { writeOnnx } from "@slimsr/core/internal/onnx/index.js";
import { readPermitted } from "@slimsr/core/internal/onnx/permitted.js";
import type { Response, SessionWorker } from "../engine/protocol.js";
import type { Device, Session } from "../engine/session.js";
import { openSession } from "../engine/worker-session.js";
import { deviceAdvice, requireDevice, requireOptions } from "./devices.js";
import type { Source, WebSessionOptions } from "./options.js";

export type { WebSessionOptions } from "./options.js";

/** onnxruntime-web's builds: for the processor; for WebGPU; for WebGPU where the browser can suspend WebAssembly, smaller and with less to do for each call. */
export type EngineBuild = "wasm" | "webgpu" | "jspi";

/** The build that a device's sessions run in here. */
export const engineBuild = (device: Device): EngineBuild =>
  device !== "webgpu" ? "wasm" : "Suspending" in WebAssembly ? "jspi" : "webgpu";

/**
 * Compiles a graph, or the bytes of an ONNX model, for a device in a Web Worker of its own.
 * @throws OnnxError where the bytes are damaged or hold what is not run
 * @throws DeviceError where the device isn't there, an option can't be honoured or the engine refuses the model.
 */
export async function createSession(source: Graph | Uint8Array, options: WebSessionOptions = {}): Promise<Session> {
  const { device = "cpu", wasmPaths } = options;
  requireDevice(device);
  requireOptions(options);
  if (source instanceof Uint8Array) readPermitted(source);
  const model = source instanceof Uint8Array ? new Uint8Array(source) : writeOnnx(source);
  // The worker's script may lie elsewhere than the page.
  const paths = wasmPaths === undefined ? {} : { wasmPaths: new URL(wasmPaths, location.href).href };
  try {
    return await openSession<Source>(startWorker(device), { model, options: { ...options, ...paths } }, [model.buffer]);
  } catch (error) {
    throw deviceAdvice(device, (error as Error).message);
  }
}

/** Bundlers recognise a worker by an address that is written in full. */
const WORKERS: Readonly<Record<EngineBuild, () => Worker>> = {
  wasm: () => new Worker(new URL("./session-worker-cpu.js", import.meta.url), { type: "module" }),
  webgpu: () => new Worker(new URL("./session-worker-webgpu.js", import.meta.url), { type: "module" }),
  jspi: () => new Worker(new URL("./session-worker-jspi.js", import.meta.url), { type: "module" }),
};

function startWorker(device: Device): SessionWorker<Source> {
  const worker = WORKERS[engineBuild(device)]();
  return {
    post: (request, transfer) => worker.postMessage(request, transfer),
    listen: (answer, failure) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Response>) => answer(data));
      worker.addEventListener("messageerror", () => {
        worker.terminate();
        failure(new DeviceError("the engine's answer can't be read"));
      });
      worker.addEventListener("error", ({ message }) => {
        worker.terminate();
        // A script that can't be loaded fails without a message.
        failure(new DeviceError(`the engine's worker failed: ${message ?? "its script can't be loaded"}`));
      });
    },
    terminate: async () => worker.terminate(),
  };
}
