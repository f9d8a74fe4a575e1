import { DeviceError } from "@slimsr/core/internal/errors.js";
import { readPermitted } from "@slimsr/core/internal/onnx/permitted.js";
import { type Engine, type EngineTensor, runOnce } from "../engine/serve.js";
import type { Device, RunOptions, RunResult, Session, Tensor, Tensors } from "../engine/session.js";
import type { CreateSession } from "../tiling/tiled-network.js";

/** What is used of ONNX Runtime's JavaScript interface: the module onnxruntime-node, or one of onnxruntime-web's. */
export interface InferenceEngine {
  readonly InferenceSession: {
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<EngineSession>;
  };
  /** Its overloads fit no single signature. */
  readonly Tensor: new (
    ...parameters: never[]
  ) => EngineTensor;
  readonly env: { readonly versions: { readonly node?: string | undefined } };
}

interface EngineSession {
  readonly outputNames: readonly string[];
  run(feeds: never, into: never): Promise<unknown>;
  release(): Promise<void>;
}

type MakeTensor = new (type: Tensor["dtype"], data: Tensor["data"], shape: readonly number[]) => EngineTensor;

/** Providers by the names that the engine's builds have for them. */
const providersOf = (device: Device, isNode: boolean): readonly string[] => {
  if (device === "cpu") return [isNode ? "cpu" : "wasm"];
  return isNode ? [device, "cpu"] : [device];
};

/** Sessions of an engine that the caller has loaded, in the thread that asks for them. */
export function injected(engine: InferenceEngine): CreateSession {
  return async (onnx, { device = "cpu", threads } = {}) => {
    readPermitted(onnx);
    const isNode = engine.env.versions.node !== undefined;
    const session = await engine.InferenceSession.create(onnx, {
      executionProviders: providersOf(device, isNode),
      logSeverityLevel: 4,
      ...(threads !== undefined && { intraOpNumThreads: threads }),
    }).catch(failed);
    return new InjectedSession(engine, session);
  };
}

class InjectedSession implements Session {
  readonly #engine: Engine<EngineTensor>;
  #queue: Promise<unknown> = Promise.resolve();

  constructor({ Tensor }: InferenceEngine, session: EngineSession) {
    const Made = Tensor as unknown as MakeTensor;
    this.#engine = {
      outputNames: session.outputNames,
      carried: {},
      tensor: ({ dtype, data, shape }) => new Made(dtype, data, [...shape]),
      run: (feeds, into) => session.run(feeds as never, into as never) as Promise<Record<string, EngineTensor>>,
      fetch: async (tensors) => tensors,
      release: () => session.release(),
      inTurn: (work) => work(),
    };
  }

  async run(feeds: Tensors, { into = {}, move = [] }: RunOptions = {}): Promise<RunResult> {
    const run = this.#queue.then(() => runOnce(this.#engine, {}, { feeds, into, move }));
    this.#queue = run.catch(() => undefined);
    return (await run.catch(failed)).result;
  }

  async carried(): Promise<Record<string, Tensor>> {
    return {};
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.#engine.release();
  }
}

function failed(error: unknown): never {
  throw new DeviceError(error instanceof Error ? error.message.trim() : String(error), { cause: error });
}
