import { parentPort } from "node:worker_threads";
import { DATA_TYPES, type DataType, elements, showShape, type TensorData } from "@slimsr/core/internal/graph/types.js";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { RunResult, SessionOptions, Tensor, Tensors } from "../session.js";
import type { Request, Response } from "./protocol.js";
import { coreCount } from "./threads.js";

/** A worker thread that holds one ONNX Runtime session and answers requests in their order. */
if (!parentPort) throw new Error("this file is the entry of a worker thread");
const port = parentPort;
let session: InferenceSession | undefined;
let profiled = false;
let queue: Promise<void> = Promise.resolve();

port.on("message", (request: Request) => {
  queue = queue.then(() => answer(request));
});

async function answer(request: Request): Promise<void> {
  try {
    switch (request.kind) {
      case "create":
        profiled = request.options.profile !== undefined;
        session = await create(request.model, engineOptions(request.options));
        return post({ id: request.id, kind: "created" });
      case "run": {
        const result = await run(required(), request.feeds, request.into, request.move);
        const moved = [...Object.values(result.outputs), ...Object.values(result.feeds)];
        return post({ id: request.id, kind: "ran", result }, moved);
      }
      case "close": {
        if (profiled) required().endProfiling();
        await session?.release();
        session = undefined;
        return post({ id: request.id, kind: "closed" });
      }
    }
  } catch (error) {
    post({ id: request.id, kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
}

/** From a model's bytes or its file's path. */
const create = (model: Uint8Array | string, options: InferenceSession.SessionOptions): Promise<InferenceSession> =>
  typeof model === "string" ? InferenceSession.create(model, options) : InferenceSession.create(model, options);

function post(response: Response, moved: readonly Tensor[] = []): void {
  port.postMessage(response, [...new Set(moved.map(({ data }) => data.buffer as ArrayBuffer))]);
}

function required(): InferenceSession {
  if (!session) throw new Error("the session is closed");
  return session;
}

function engineOptions(options: SessionOptions): InferenceSession.SessionOptions {
  const {
    device = "cpu",
    threads = coreCount(),
    spinning = true,
    profile,
    optimisedModel,
    optimisation = "all",
  } = options;
  return {
    executionProviders: device === "cpu" ? ["cpu"] : [device, "cpu"],
    graphOptimizationLevel: optimisation === "none" ? "disabled" : optimisation,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    // A planned block beside the arena costs a third more memory in a training step and saves no time.
    enableMemPattern: false,
    // Errors come back as exceptions; the engine needn't print them as well.
    logSeverityLevel: 4,
    extra: { "session.intra_op.allow_spinning": spinning ? "1" : "0" },
    ...(profile !== undefined && { enableProfiling: true, profileFilePrefix: profile }),
    ...(optimisedModel !== undefined && { optimizedModelFilePath: optimisedModel }),
  };
}

async function run(
  engine: InferenceSession,
  feeds: Tensors,
  into: Tensors,
  move: readonly string[],
): Promise<RunResult> {
  const { outputNames } = engine;
  const stray = Object.keys(into).find((name) => !outputNames.includes(name));
  if (stray !== undefined) throw new Error(`no output ${stray} to write into; the model has ${outputNames.join(", ")}`);
  const fetches: Record<string, OrtTensor | null> = {};
  for (const name of outputNames) fetches[name] = into[name] ? toEngine(into[name], name) : null;
  const outputs = await engine.run(mapValues(feeds, toEngine), fetches);
  return {
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, made]) => [name, into[name] ?? fromEngine(made)])),
    feeds: Object.fromEntries(move.flatMap((name) => (feeds[name] ? [[name, feeds[name]]] : []))),
  };
}

function toEngine({ dtype, data, shape }: Tensor, name: string): OrtTensor {
  if (data.length !== elements(shape)) {
    throw new Error(`${name}: ${data.length} elements don't fill ${showShape(shape)}`);
  }
  return new OrtTensor(dtype as OrtTensor.Type, data as OrtTensor.DataTypeMap[OrtTensor.Type], [...shape]);
}

function fromEngine({ type, data, dims }: OrtTensor): Tensor {
  if (!(type in DATA_TYPES)) throw new Error(`an output has element type ${type}, which is not supported`);
  return { dtype: type as DataType, shape: dims, data: data as TensorData };
}

const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A, name: string) => B,
): Record<string, B> => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
