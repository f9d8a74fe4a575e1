import type { Parameters } from "../networks/parameters.js";

/** Named tensors, as readers yield and writers take them. */
export interface StateTensor {
  readonly dtype: "float32";
  readonly shape: readonly number[];
  /** Row-major elements. */
  readonly data: Float32Array;
}

/** Quantised elements, which mean nothing without their scales. */
export interface Int8Tensor {
  readonly dtype: "int8";
  readonly shape: readonly number[];
  /** Row-major elements. */
  readonly data: Int8Array;
}

export type StateDict = Map<string, StateTensor>;

/** A network's parameters as tensors of a checkpoint. */
export const stateOf = (parameters: Parameters): StateDict =>
  new Map([...parameters].map(([name, { shape, data }]) => [name, { dtype: "float32", shape, data }]));
