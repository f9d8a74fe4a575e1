import { type FileHandle, mkdtemp, open, rm, rmdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DeviceError } from "@slimsr/core/internal/errors.js";
import type { Graph } from "@slimsr/core/internal/graph/index.js";
import { constantSize, writeOnnx, writeSplitOnnx } from "@slimsr/core/internal/onnx/index.js";
import { readPermitted } from "@slimsr/core/internal/onnx/permitted.js";
import type { Session, SessionOptions } from "../engine/session.js";
import { openSession } from "../engine/worker-session.js";
import { deviceAdvice, requireDevice } from "./devices.js";
import { type Thread, threadFor } from "./session-threads.js";
import { withShare } from "./threads.js";

/** A model's bytes or the path of its file, and how it is to be compiled. */
export interface Source {
  readonly model: Uint8Array<ArrayBuffer> | string;
  readonly options: SessionOptions;
}

export interface SessionPlace {
  /** The folder that a graph of many constants passes through, the system's by default; a process that is killed meanwhile leaves its files there. */
  readonly temporary?: () => string | Promise<string>;
  /** An open session that never runs at the same time: both take one thread, on the processor, for a thread takes a tenth of a second to start. */
  readonly beside?: Session | undefined;
}

/** The threads of sessions. */
const threads = new WeakMap<Session, Thread>();

/**
 * Compiles a graph, or the bytes of an ONNX model, for a device in a worker thread.
 * @throws OnnxError where the bytes are damaged or hold what is not run
 * @throws DeviceError where the device isn't there, naming how to get it, or the engine refuses the model.
 */
export async function createSession(
  source: Graph | Uint8Array,
  options: SessionOptions = {},
  { temporary = tmpdir, beside }: SessionPlace = {},
): Promise<Session> {
  await requireDevice(options.device ?? "cpu");
  if (source instanceof Uint8Array) readPermitted(source);
  const model = source instanceof Uint8Array ? new Uint8Array(source) : await modelOf(source, temporary);
  try {
    const compiled: Source = { model, options: withShare(options) };
    const thread = threadFor(compiled, beside && threads.get(beside));
    const session = await openSession(thread.session(), compiled, typeof model === "string" ? [] : [model.buffer]);
    threads.set(session, thread);
    return session;
  } catch (error) {
    throw deviceAdvice(options.device ?? "cpu", (error as Error).message);
  } finally {
    // Where a mapped file can't be removed (Windows) it is left to the system's own cleaning of temporary files.
    if (typeof model === "string") await rm(dirname(model), { recursive: true, force: true }).catch(() => undefined);
  }
}

/** From this many bytes of constants on, a model goes through a file: the engine maps it, and nobody holds a copy. */
export const LARGE_CONSTANTS = 2 ** 24;

/** The model's bytes, or the path of its file in a folder of its own. */
async function modelOf(
  graph: Graph,
  temporary: () => string | Promise<string>,
): Promise<Uint8Array<ArrayBuffer> | string> {
  const bytes = graph.constants.reduce((sum, constant) => sum + constantSize(constant), 0);
  if (bytes < LARGE_CONSTANTS) return writeOnnx(graph);
  let folder: string | undefined;
  try {
    folder = await mkdtemp(join(await temporary(), "slimsr-"));
    const { model, data } = writeSplitOnnx(graph, "constants.bin");
    const file = await open(join(folder, "constants.bin"), "w");
    try {
      for (const constant of data) await writeWhole(file, constant.bytes(), constant.offset);
    } finally {
      await file.close();
    }
    await writeFile(join(folder, "model.onnx"), model);
    return join(folder, "model.onnx");
  } catch (error) {
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    throw unusable(`a model of ${bytes} bytes can't be handed to the engine`, error);
  }
}

/** Writes to the last byte, or fails: a single write may end short without an error, as on a disk that is nearly full. */
async function writeWhole(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** @throws DeviceError where large models can't be handed to the engine, through the system's folder for temporary files */
export async function requireTemporaryFolder(): Promise<void> {
  try {
    await rmdir(await mkdtemp(join(tmpdir(), "slimsr-")));
  } catch (error) {
    throw unusable("large models can't be handed to the engine", error);
  }
}

const unusable = (what: string, error: unknown): DeviceError =>
  new DeviceError(
    `${what} through the folder for temporary files, ${tmpdir()}: ${(error as Error).message}; make room there, or name another folder (TMPDIR)`,
    { cause: error },
  );
