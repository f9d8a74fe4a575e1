import { type ChildProcess, fork } from "node:child_process";
import { createRequire } from "node:module";
import { totalmem } from "node:os";
import { DeviceError, InterruptedError } from "@slimsr/core/internal/errors.js";
import { readPermitted } from "@slimsr/core/internal/onnx/permitted.js";
import type { Response, SessionWorker } from "../engine/protocol.js";
import type { Session, SessionOptions, Tensors } from "../engine/session.js";
import { openSession } from "../engine/worker-session.js";
import { deviceAdvice, requireDevice } from "./devices.js";
import type { Source } from "./session.js";
import { withShare } from "./threads.js";

type Channel = NonNullable<ChildProcess["channel"]>;

const PROCESS = createRequire(import.meta.url).resolve("#session-process");

export interface ProcessOptions {
  /** Ends the process at once, whatever the engine does. */
  readonly signal?: AbortSignal | undefined;
  /** Bytes that the process may take; three quarters of the machine's memory by default. */
  readonly memory?: number;
}

const MOST_MEMORY = 0.75 * Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);

/** What the process tells of itself: why it ends. */
export interface Farewell {
  readonly kind: "ends";
  readonly reason: string;
}

/**
 * Compiles an ONNX model that may be anyone's in a process of its own: what crashes the engine is an error, and so is what takes
 * most of the machine's memory. Tensors are copied; those that are moved stay the caller's.
 * @throws OnnxError where the model is damaged or holds what is not run
 * @throws DeviceError where the device isn't there, the engine refuses the model or crashes
 * @throws InterruptedError, also of later runs, if the signal was aborted
 */
export async function createProcessSession(
  onnx: Uint8Array,
  options: SessionOptions = {},
  { signal, memory = MOST_MEMORY }: ProcessOptions = {},
): Promise<Session> {
  await requireDevice(options.device ?? "cpu");
  readPermitted(onnx);
  if (signal?.aborted) throw new InterruptedError("interrupted");
  try {
    return await openSession(
      startProcess(signal, memory),
      { model: new Uint8Array(onnx), options: withShare(options) },
      [],
    );
  } catch (error) {
    if (error instanceof InterruptedError) throw error;
    throw deviceAdvice(options.device ?? "cpu", (error as Error).message);
  }
}

/** While a request is under way the process keeps this one alive; an idle session doesn't. */
function startProcess(signal: AbortSignal | undefined, memory: number): SessionWorker<Source> {
  const child = fork(PROCESS, [String(memory)], {
    // The process' own flags may not suit another.
    execArgv: [],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const moved = new Map<number, Tensors>();
  let unanswered = 0;
  const hold = (change: number) => {
    unanswered += change;
    const held = unanswered > 0 ? "ref" : "unref";
    child[held]();
    // Bun's channel has neither: there the process alone is held.
    (child.channel as Partial<Channel> | null | undefined)?.[held]?.();
  };
  hold(0);
  const end = () => void child.kill("SIGKILL");
  signal?.addEventListener("abort", end, { once: true });
  child.once("exit", () => signal?.removeEventListener("abort", end));
  return {
    post: (request) => {
      hold(1);
      if (request.kind !== "run") return void child.send(request);
      const { feeds, move } = request;
      moved.set(request.id, Object.fromEntries(Object.entries(feeds).filter(([name]) => move.includes(name))));
      child.send({ ...request, move: [] });
    },
    listen: (answer, failure) => {
      child.on("message", (response: Response | Farewell) => {
        if (response.kind === "ends") return failure(new DeviceError(response.reason));
        hold(-1);
        if (response.kind !== "ran") return answer(response);
        const feeds = { ...moved.get(response.id) };
        moved.delete(response.id);
        answer({ ...response, result: { ...response.result, feeds } });
      });
      child.on("error", (error) => failure(new DeviceError(`the engine's process failed: ${error.message}`)));
      child.on("exit", (code, by) => {
        if (signal?.aborted) return failure(new InterruptedError("interrupted"));
        failure(new DeviceError(by ? `the engine crashed (${by})` : `the engine's process ended with code ${code}`));
      });
    },
    terminate: async () => end(),
  };
}
