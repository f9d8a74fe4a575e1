import { DATA_TYPES } from "../graph/index.js";
import type { GraphMessage } from "../onnx/messages.js";
import { readTensor } from "../onnx/tensors.js";

/** Axes of a convolution's weight. */
const RANK = 4;

/**
 * Bits, their sign among them, that the integer weights of a file's convolutions take; undefined where it has none. Weights that are kept
 * small, for processors that add their products up in 16 bits, take fewer than they are stored in.
 */
export function weightBits({ initializers }: Pick<GraphMessage, "initializers">): number | undefined {
  const types: readonly number[] = [DATA_TYPES.int8.onnx, DATA_TYPES.int4.onnx];
  const weights = initializers.filter(({ type, dims }) => types.includes(type) && dims.length === RANK);
  if (weights.length === 0) return undefined;
  let largest = 1;
  for (const weight of weights) {
    // −128 takes as many bits as 127.
    for (const code of readTensor(weight, weight.name).data as Int8Array)
      largest = Math.max(largest, code < 0 ? ~code : code);
  }
  return 1 + Math.ceil(Math.log2(largest + 1));
}
