import { DATA_TYPES, type DataType, type TensorData } from "@slimsr/core/internal/graph/types.js";
import type { Request, Response, SessionPort } from "./protocol.js";
import type { RunResult, Tensor } from "./session.js";

/** What ONNX Runtime's tensors have, Node's and the browser's. */
export interface EngineTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
  dispose(): void;
}

/** A compiled model in ONNX Runtime. */
export interface Engine<T extends EngineTensor> {
  readonly outputNames: readonly string[];
  /** Outputs that are kept for the next run, by the names of its inputs. */
  readonly carried: Readonly<Record<string, string>>;
  tensor(tensor: Tensor): T;
  /** All outputs; one that has a tensor in `into` is written there. */
  run(feeds: Record<string, T>, into: Record<string, T | null>): Promise<Readonly<Record<string, T>>>;
  /** Copies in the processor's memory. */
  fetch(tensors: Readonly<Record<string, T>>): Promise<Readonly<Record<string, T>>>;
  release(): Promise<void>;
  /** Does work with the engine when no other thread does that may not at the same time. */
  inTurn<R>(work: () => Promise<R>): Promise<R>;
}

/** Answers a session's requests in their order: the part of a worker that doesn't depend on where it runs. */
export function serve<Source, T extends EngineTensor>(
  port: SessionPort<Source>,
  compile: (source: Source) => Promise<Engine<T>>,
): void {
  let engine: Engine<T> | undefined;
  let kept: Readonly<Record<string, T>> = {};
  let queue: Promise<void> = Promise.resolve();
  port.listen((request) => {
    queue = queue.then(() => answer(request));
  });

  function opened(): Engine<T> {
    if (!engine) throw new Error("the session is closed");
    return engine;
  }

  async function answer(request: Request<Source>): Promise<void> {
    const { id } = request;
    try {
      switch (request.kind) {
        case "create":
          engine = await compile(request.source);
          return post({ id, kind: "created" });
        case "run": {
          const running = opened();
          const result = await running.inTurn(async () => {
            const { result, carried } = await runOnce(running, kept, request);
            for (const name of Object.keys(carried)) kept[name]?.dispose();
            kept = { ...kept, ...carried };
            return result;
          });
          return post({ id, kind: "ran", result }, [...Object.values(result.outputs), ...Object.values(result.feeds)]);
        }
        case "carried": {
          const running = opened();
          const tensors = mapValues(await running.inTurn(() => running.fetch(kept)), fromEngine);
          return post({ id, kind: "carried", tensors }, Object.values(tensors));
        }
        case "close":
          await engine?.inTurn(async () => {
            for (const tensor of Object.values(kept)) tensor.dispose();
            kept = {};
            await engine?.release();
          });
          engine = undefined;
          return post({ id, kind: "closed" });
      }
    } catch (error) {
      post({ id, kind: "failed", message: error instanceof Error ? error.message : String(error) });
    }
  }

  function post(response: Response, moved: readonly Tensor[] = []): void {
    port.post(response, [...new Set(moved.map(({ data }) => data.buffer as ArrayBuffer))]);
  }
}

/** A run's result, and what it leaves for the next one by the names of its inputs. */
export async function runOnce<T extends EngineTensor>(
  engine: Engine<T>,
  kept: Readonly<Record<string, T>>,
  { feeds, into, move }: Pick<Extract<Request<unknown>, { kind: "run" }>, "feeds" | "into" | "move">,
): Promise<{ result: RunResult; carried: Record<string, T> }> {
  const { outputNames } = engine;
  const stray = Object.keys(into).find((name) => !outputNames.includes(name));
  if (stray !== undefined) throw new Error(`no output ${stray} to write into; the model has ${outputNames.join(", ")}`);
  const targets = outputNames.map((name) => [name, into[name] ? engine.tensor(into[name]) : null] as const);
  const operands = { ...kept, ...mapValues(feeds, (tensor) => engine.tensor(tensor)) };
  const start = performance.now();
  const outputs = await engine.run(operands, Object.fromEntries(targets));
  const milliseconds = performance.now() - start;
  const [carried, yielded] = [true, false].map((stays) =>
    Object.entries(outputs).filter(([name]) => name in engine.carried === stays),
  ) as [[string, T][], [string, T][]];
  return {
    carried: Object.fromEntries(carried.map(([name, made]) => [engine.carried[name], made])),
    result: {
      milliseconds,
      outputs: mapValues(Object.fromEntries(yielded), (made, name) => into[name] ?? fromEngine(made)),
      feeds: Object.fromEntries(move.flatMap((name) => (feeds[name] ? [[name, feeds[name]]] : []))),
    },
  };
}

function fromEngine({ type, data, dims }: EngineTensor): Tensor {
  if (!(type in DATA_TYPES)) throw new Error(`an output has element type ${type}, which is not supported`);
  return { dtype: type as DataType, shape: dims, data: data as TensorData };
}

const mapValues = <A, B>(
  record: Readonly<Record<string, A>>,
  change: (value: A, name: string) => B,
): Record<string, B> => Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]));
