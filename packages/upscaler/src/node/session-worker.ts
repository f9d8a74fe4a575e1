import { parentPort, workerData } from "node:worker_threads";
import { env, InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Request } from "../engine/protocol.js";
import { type Engine, serve } from "../engine/serve.js";
import type { Device, SessionOptions } from "../engine/session.js";
import { copies } from "./copies.js";
import type { Source } from "./session.js";
import type { Addressed } from "./session-threads.js";
import { coreCount } from "./threads.js";
import { type Turns, takeTurn } from "./turns.js";

/** A worker thread that holds sessions of onnxruntime-node. */
if (!parentPort) throw new Error("this file is the entry of a worker thread");
const port = parentPort;

// Errors come back as exceptions; the engine needn't print them as well.
env.logLevel = "fatal";

/** What each session that isn't closed hears its requests with, by its number. */
const sessions = new Map<number, (request: Request<Source>) => void>();
port
  .on("message", ({ session, message }: Addressed<Request<Source>>) => {
    if (!sessions.has(session)) begin(session);
    sessions.get(session)?.(message);
  })
  .on("messageerror", fail);

function begin(session: number): void {
  serve<Source, OrtTensor>(
    {
      post: (message, transfer) => {
        if (message.kind === "closed") sessions.delete(session);
        port.postMessage({ session, message } satisfies Addressed<typeof message>, transfer);
      },
      listen: (request) => sessions.set(session, request),
    },
    compile,
  );
}

/** A request that can't be read has no number to answer to: the thread ends, and whoever waits for an answer hears of that. */
function fail(error: Error): never {
  throw error;
}

async function compile({ model, options }: Source): Promise<Engine<OrtTensor>> {
  const { carried = {} } = options;
  // All sessions on WebGPU share one device, which threads may not use at once.
  const inTurn: Engine<OrtTensor>["inTurn"] =
    options.device === "webgpu" ? (work) => takeTurn(workerData as Turns, work) : (work) => work();
  const session = await inTurn(() => create(model, engineOptions(options)));
  return {
    outputNames: session.outputNames,
    carried,
    tensor: ({ dtype, data, shape }) =>
      new OrtTensor(dtype as OrtTensor.Type, data as OrtTensor.DataTypeMap[OrtTensor.Type], [...shape]),
    run: (feeds, into) => session.run(feeds, into),
    fetch: (tensors) => copies(tensors, executionProviders(options)),
    release: async () => {
      if (options.profile !== undefined) session.endProfiling();
      await session.release();
    },
    inTurn,
  };
}

/** From a model's bytes or its file's path. */
const create = (model: Uint8Array | string, options: InferenceSession.SessionOptions): Promise<InferenceSession> =>
  typeof model === "string" ? InferenceSession.create(model, options) : InferenceSession.create(model, options);

const executionProviders = ({ device = "cpu" }: SessionOptions): Device[] =>
  device === "cpu" ? ["cpu"] : [device, "cpu"];

function engineOptions(options: SessionOptions): InferenceSession.SessionOptions {
  const {
    device = "cpu",
    carried,
    threads = coreCount(),
    spinning = true,
    profile,
    optimisedModel,
    optimisation = "all",
  } = options;
  return {
    executionProviders: executionProviders(options),
    graphOptimizationLevel: optimisation === "none" ? "disabled" : optimisation,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // A planned block beside the arena costs a third more memory in a training step and saves no time.
    enableMemPattern: false,
    logSeverityLevel: 4,
    extra: { "session.intra_op.allow_spinning": spinning ? "1" : "0" },
    ...(device === "webgpu" &&
      carried && {
        preferredOutputLocation: Object.fromEntries(Object.keys(carried).map((name) => [name, "gpu-buffer"] as const)),
      }),
    ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
    ...(optimisedModel !== undefined && { optimizedModelFilePath: optimisedModel }),
  };
}
