import { showShape, type TensorData } from "@slimsr/core/internal/graph/types.js";
import type { Tensor as OrtTensor } from "onnxruntime-web";
import type { Request } from "../engine/protocol.js";
import { type Engine, serve } from "../engine/serve.js";
import type { Source } from "./options.js";

type Runtime = typeof import("onnxruntime-web");

/**
 * Makes this Web Worker hold one session of onnxruntime-web. The engine starts its threads from its worker's script, which
 * therefore imports it, one build and at once; in a thread there is no session to serve.
 */
export function serveSession(runtime: Runtime, provider: "wasm" | "webgpu"): void {
  if (self.name.startsWith("em-pthread")) return;
  // Whoever sent it waits for an answer, and hears of an error in here.
  addEventListener("messageerror", () => {
    throw new Error("a message can't be read");
  });
  serve<Source, OrtTensor>(
    {
      post: (response, transfer) => postMessage(response, { transfer }),
      listen: (request) => {
        addEventListener("message", ({ data }: MessageEvent<Request<Source>>) => request(data));
        // It has no number to answer to: the worker's failure ends all that wait.
        addEventListener("messageerror", () => {
          throw new Error("a request can't be read");
        });
      },
    },
    (source) => compile(runtime, provider, source),
  );
}

async function compile(
  { env, InferenceSession, Tensor }: Runtime,
  provider: "wasm" | "webgpu",
  { model, options: { threads, wasmPaths, optimisation = "all" } }: Source,
): Promise<Engine<OrtTensor>> {
  env.wasm.numThreads = crossOriginIsolated ? (threads ?? navigator.hardwareConcurrency) : 1;
  if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
  const session = await InferenceSession.create(model, {
    // The processor takes what WebGPU can't. Were it named here, it would stand in for WebGPU where that isn't there.
    executionProviders: [provider],
    graphOptimizationLevel: optimisation === "none" ? "disabled" : optimisation,
    executionMode: "sequential",
    enableMemPattern: false,
    // Errors come back as exceptions; the engine needn't print them as well.
    logSeverityLevel: 4,
  });
  return {
    outputNames: session.outputNames,
    carried: {},
    fetch: async (tensors) => tensors,
    tensor: ({ dtype, data, shape }) =>
      new Tensor(dtype as OrtTensor.Type, data as OrtTensor.DataTypeMap[OrtTensor.Type], [...shape]),
    run: async (feeds, into) => {
      const outputs = await session.run(feeds);
      for (const [name, target] of Object.entries(into)) if (target) copy(outputs[name] as OrtTensor, target, name);
      return outputs;
    },
    release: () => session.release(),
    inTurn: (work) => work(),
  };
}

/** This engine doesn't write into tensors that it is given for outputs. */
function copy(output: OrtTensor, target: OrtTensor, name: string): void {
  const [made, given] = [output, target].map(({ type, dims }) => `${type} ${showShape(dims)}`);
  if (made !== given) throw new Error(`output: ${name} is ${made} and can't be written into ${given}`);
  bytes(target).set(bytes(output));
}

function bytes({ data }: OrtTensor): Uint8Array {
  const { buffer, byteOffset, byteLength } = data as TensorData;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
