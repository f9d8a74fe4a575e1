import type { DataType, Shape, TensorData } from "@slimsr/core/internal/graph/index.js";

/** Where a session runs. */
export const DEVICES = ["cpu", "webgpu", "cuda"] as const;
export type Device = (typeof DEVICES)[number];

export interface Tensor {
  readonly dtype: DataType;
  readonly shape: Shape;
  readonly data: TensorData;
}

export type Tensors = Readonly<Record<string, Tensor>>;

export interface SessionOptions {
  /** `cpu` by default. */
  device?: Device;
  /** Threads within an operator (cpu); all cores by default. */
  threads?: number;
  /** Whether idle threads spin while they wait for work: faster alone, slower beside other load. On by default. */
  spinning?: boolean;
  /** Stem of the file (a time and .json follow) that gets ONNX Runtime's profile of every node when the session is closed. */
  profile?: string;
  /** File that gets the model as ONNX Runtime has optimised it. */
  optimisedModel?: string;
  /**
   * Outputs that stay with the engine, on a GPU in its memory, each with the input that it is in the next run: such an output isn't
   * in the run's result, and such an input is fed once. A run that fails leaves them as they were. Not in browsers.
   */
  carried?: Readonly<Record<string, string>>;
  /** How far ONNX Runtime rewrites the graph; `all` by default, `extended` keeps layouts as they are written. */
  optimisation?: "none" | "basic" | "extended" | "all";
}

export interface RunOptions {
  /** Tensors that outputs are written into, by output name: their buffers come back as the outputs. */
  into?: Tensors;
  /** Names of feeds whose buffers may be moved rather than copied; they come back in `RunResult.feeds`. */
  move?: readonly string[];
}

export interface RunResult {
  outputs: Record<string, Tensor>;
  /** The feeds that were moved. */
  feeds: Record<string, Tensor>;
  /** Time that the engine took, without what carries tensors to it. */
  milliseconds: number;
}

/** A compiled model. Runs don't block the caller's event loop; they queue one after another. */
export interface Session {
  /**
   * Runs the model once.
   * Tensors that are moved or written into must own their whole buffer; it leaves the caller's hands until the run ends, and for
   * good where the engine refuses the run.
   * @throws DeviceError where the engine refuses the inputs or fails.
   */
  run(feeds: Tensors, options?: RunOptions): Promise<RunResult>;
  /** Copies of what the last run left for the next one's inputs, by their names. */
  carried(): Promise<Record<string, Tensor>>;
  /** Frees the model; the session can't run any more. */
  close(): Promise<void>;
}

export const float32 = (data: Float32Array, shape: Shape): Tensor => ({ dtype: "float32", shape, data });
export const scalar = (value: number): Tensor => float32(Float32Array.of(value), []);
export const int64 = (values: readonly number[]): Tensor => ({
  dtype: "int64",
  shape: [values.length],
  data: BigInt64Array.from(values, BigInt),
});
