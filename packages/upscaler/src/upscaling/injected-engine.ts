import { DeviceError } from "@slimsr/core/internal/errors.js";
import { readPermitted } from "@slimsr/core/internal/onnx/permitted.js";
import { type EngineTensor, runOnce } from "../serve.js";
import type { Device, RunOptions, Session, Tensor, Tensors } from "../session.js";
import type { CreateSession } from "../tiled-network.js";

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
  run(feeds: never): Promise<unknown>;
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
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly engine: InferenceEngine,
    private readonly session: EngineSession,
  ) {}

  async run(feeds: Tensors, { move = [] }: Omit<RunOptions, "into"> = {}) {
    const EngineTensor = this.engine.Tensor as unknown as MakeTensor;
    const engine = {
      outputNames: this.session.outputNames,
      tensor: ({ dtype, data, shape }: Tensor) => new EngineTensor(dtype, data, [...shape]),
      run: (operands: Record<string, EngineTensor>) =>
        this.session.run(operands as never) as Promise<Record<string, EngineTensor>>,
      release: () => this.session.release(),
    };
    const run = this.#queue.then(() => runOnce(engine, feeds, {}, move));
    this.#queue = run.catch(() => undefined);
    return run.catch(failed);
  }

  async close(): Promise<void> {
    await this.#queue;
    await this.session.release();
  }
}

function failed(error: unknown): never {
  throw new DeviceError(error instanceof Error ? error.message.trim() : String(error), { cause: error });
}
