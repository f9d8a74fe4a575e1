import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { DeviceError } from "@slimsr/core/internal/errors.js";
import type { Graph } from "@slimsr/core/internal/graph/index.js";
import { constantSize, writeOnnx, writeSplitOnnx } from "@slimsr/core/internal/onnx/index.js";
import type { RunOptions, RunResult, Session, SessionOptions, Tensor, Tensors } from "../session.js";
import { deviceAdvice, requireDevice } from "./devices.js";
import type { Request, Response } from "./protocol.js";

const WORKER = createRequire(import.meta.url).resolve("#session-worker");

/**
 * Compiles a graph, or the bytes of an ONNX model, for a device in a worker thread of its own.
 * @throws DeviceError where the device isn't there, naming how to get it, or the engine refuses the model.
 */
export async function createSession(source: Graph | Uint8Array, options: SessionOptions = {}): Promise<Session> {
  requireDevice(options.device ?? "cpu");
  const model = source instanceof Uint8Array ? new Uint8Array(source) : await modelOf(source);
  const session = new WorkerSession(options);
  try {
    await session.create(model);
  } catch (error) {
    await session.terminate();
    throw deviceAdvice(options.device ?? "cpu", (error as Error).message);
  } finally {
    // Where a mapped file can't be removed (Windows) it is left to the system's own cleaning of temporary files.
    if (typeof model === "string") await rm(dirname(model), { recursive: true, force: true }).catch(() => undefined);
  }
  return session;
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

type Answered<K extends Response["kind"]> = Extract<Response, { kind: K }>;
type Unnumbered<T> = T extends unknown ? Omit<T, "id"> : never;

class WorkerSession implements Session {
  // The process' own flags may not suit a thread: --input-type=module of `node -e` wouldn't.
  readonly #worker = new Worker(WORKER, { execArgv: [] });
  readonly #waiting = new Map<number, { resolve: (response: Response) => void; reject: (error: Error) => void }>();
  #count = 0;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(private readonly options: SessionOptions) {
    this.#worker.unref();
    this.#worker.on("message", (response: Response) => this.#settle(response));
    this.#worker.on("error", (error) => this.#fail(new DeviceError(`the engine's thread failed: ${error.message}`)));
    this.#worker.on("exit", () => this.#fail(new DeviceError("the session is closed")));
  }

  async create(model: Uint8Array<ArrayBuffer> | string): Promise<void> {
    const transfer = typeof model === "string" ? [] : [model.buffer];
    await this.#ask<"created">({ kind: "create", model, options: this.options }, transfer);
  }

  async run(feeds: Tensors, { into = {}, move = [] }: RunOptions = {}): Promise<RunResult> {
    const moved = [...move.map((name) => feeds[name]), ...Object.values(into)].filter((tensor) => tensor !== undefined);
    const transfer = moved.map(wholeBuffer);
    const sent = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, compact(tensor)]));
    const { result } = await this.#ask<"ran">({ kind: "run", feeds: sent, into, move }, transfer);
    return result;
  }

  close(): Promise<void> {
    this.#closing ??= this.#release();
    return this.#closing;
  }

  async #release(): Promise<void> {
    if (this.#failure) return;
    await this.#ask<"closed">({ kind: "close" }, []);
    await this.terminate();
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask<K extends Response["kind"]>(
    request: Unnumbered<Request>,
    transfer: readonly ArrayBuffer[],
  ): Promise<Answered<K>> {
    return new Promise((resolve, reject) => {
      if (this.#failure) return reject(this.#failure);
      const id = this.#count++;
      // While a request is under way the thread keeps the process alive; an idle session doesn't.
      this.#worker.ref();
      this.#waiting.set(id, { resolve: resolve as (response: Response) => void, reject });
      this.#worker.postMessage({ ...request, id }, [...new Set(transfer)]);
    });
  }

  #settle(response: Response): void {
    const waiting = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if (this.#waiting.size === 0) this.#worker.unref();
    if (response.kind === "failed") waiting?.reject(new DeviceError(response.message.trim()));
    else waiting?.resolve(response);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function wholeBuffer({ data, shape }: Tensor): ArrayBuffer {
  if (!(data.buffer instanceof ArrayBuffer) || data.byteLength !== data.buffer.byteLength) {
    throw new DeviceError(`a tensor of shape [${shape.join(", ")}] is a view of a larger buffer and can't be moved`);
  }
  return data.buffer;
}

/** A view of a larger buffer is copied, for a message would carry all of the buffer. */
const compact = (tensor: Tensor): Tensor =>
  tensor.data.byteLength < tensor.data.buffer.byteLength ? { ...tensor, data: tensor.data.slice() } : tensor;
