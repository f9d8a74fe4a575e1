import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { DeviceError } from "@slimsr/core/internal/errors.js";
import type { Graph } from "@slimsr/core/internal/graph/index.js";
import { refuseExternalData } from "@slimsr/core/internal/onnx/external.js";
import { constantSize, writeOnnx, writeSplitOnnx } from "@slimsr/core/internal/onnx/index.js";
import type { Response, SessionWorker } from "../protocol.js";
import type { Session, SessionOptions } from "../session.js";
import { openSession } from "../worker-session.js";
import { deviceAdvice, requireDevice } from "./devices.js";

const WORKER = createRequire(import.meta.url).resolve("#session-worker");

/** A model's bytes or the path of its file, and how it is to be compiled. */
export interface Source {
  readonly model: Uint8Array<ArrayBuffer> | string;
  readonly options: SessionOptions;
}

/**
 * Compiles a graph, or the bytes of an ONNX model, for a device in a worker thread of its own.
 * @throws DeviceError where the device isn't there, naming how to get it, or the engine refuses the model; OnnxError for bytes that
 * are no model, or keep values in another file
 */
export async function createSession(source: Graph | Uint8Array, options: SessionOptions = {}): Promise<Session> {
  await requireDevice(options.device ?? "cpu");
  if (source instanceof Uint8Array) refuseExternalData(source, "the model");
  const model = source instanceof Uint8Array ? new Uint8Array(source) : await modelOf(source);
  try {
    return await openSession(startWorker(), { model, options }, typeof model === "string" ? [] : [model.buffer]);
  } catch (error) {
    throw deviceAdvice(options.device ?? "cpu", (error as Error).message);
  } finally {
    // Where a mapped file can't be removed (Windows) it is left to the system's own cleaning of temporary files.
    if (typeof model === "string") await rm(dirname(model), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** From this many bytes of constants on, a model goes through a file: the engine maps it, and nobody holds a copy. */
const LARGE_CONSTANTS = 2 ** 24;

/** The model's bytes, or the path of its file in a folder of its own. */
async function modelOf(graph: Graph): Promise<Uint8Array<ArrayBuffer> | string> {
  const bytes = graph.constants.reduce((sum, constant) => sum + constantSize(constant), 0);
  if (bytes < LARGE_CONSTANTS) return writeOnnx(graph);
  const folder = await mkdtemp(join(tmpdir(), "slimsr-"));
  try {
    const { model, data } = writeSplitOnnx(graph, "constants.bin");
    const file = await open(join(folder, "constants.bin"), "w");
    for (const constant of data) await file.write(constant.bytes(), 0, null, constant.offset);
    await file.close();
    await writeFile(join(folder, "model.onnx"), model);
    return join(folder, "model.onnx");
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    const { message } = error as Error;
    throw new DeviceError(`a model of ${bytes} bytes can't be handed to the engine through ${tmpdir()}: ${message}`);
  }
}

/** While a request is under way the thread keeps the process alive; an idle session doesn't. */
function startWorker(): SessionWorker<Source> {
  // The process' own flags may not suit a thread: --input-type=module of `node -e` wouldn't.
  const worker = new Worker(WORKER, { execArgv: [] });
  let unanswered = 0;
  worker.unref();
  return {
    post: (request, transfer) => {
      worker.postMessage(request, transfer);
      if (unanswered++ === 0) worker.ref();
    },
    listen: (answer, failure) => {
      worker.on("message", (response: Response) => {
        if (--unanswered === 0) worker.unref();
        answer(response);
      });
      worker.on("error", (error) => failure(new DeviceError(`the engine's thread failed: ${error.message}`)));
      worker.on("exit", () => failure(new DeviceError("the session is closed")));
    },
    terminate: async () => {
      await worker.terminate();
    },
  };
}
