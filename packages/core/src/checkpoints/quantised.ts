import { CheckpointError } from "../errors.js";
import { elements, showDimensions } from "../graph/types.js";
import type { Int8Tensor, StateTensor } from "./state.js";

/** What follows a quantised tensor's name in that of its scales. */
export const SCALE_SUFFIX = "_scale";

const LARGEST = 127;

/**
 * Quantise a weight [O, …] symmetrically to −127..127 with one scale per output channel, the largest magnitude / 127: what
 * `dequantise` inverts, within half a scale.
 */
export function quantise({ shape, data }: StateTensor): { int8: Int8Tensor; scales: StateTensor } {
  const outputs = shape[0] ?? 1;
  const each = elements(shape) / outputs;
  const scales = Float32Array.from({ length: outputs }, (_, o) => {
    const channel = data.subarray(o * each, (o + 1) * each);
    return channel.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), 0) / LARGEST;
  });
  const int8 = Int8Array.from(data, (weight, i) => Math.round(weight / (scales[Math.floor(i / each)] || 1)));
  return {
    int8: { dtype: "int8", shape, data: int8 },
    scales: { dtype: "float32", shape: [outputs], data: scales },
  };
}

/**
 * The weight that an int8 tensor [O, …] and a scale for each of its O output channels stand for.
 *
 * @throws CheckpointError where the scales are missing, not one per output channel, negative or not finite
 */
export function dequantise(
  name: string,
  { shape, data }: Int8Tensor,
  scales: StateTensor | undefined,
  file: string,
): StateTensor {
  const wrong = (what: string) => new CheckpointError(`${file}: ${name} is int8, but ${name}${SCALE_SUFFIX} ${what}`);
  if (!scales) throw wrong("is missing; its scales belong into the same file, as float32");
  if (scales.shape.join() !== String(shape[0])) {
    throw wrong(
      `is ${showDimensions(scales.shape)}, expected one scale for each of ${shape[0] ?? "no"} output channels`,
    );
  }
  const unsound = scales.data.find((scale) => !(scale >= 0 && scale < Number.POSITIVE_INFINITY));
  if (unsound !== undefined) throw wrong(`holds ${unsound}, expected finite numbers of 0 or more`);
  const each = data.length / scales.data.length;
  const weights = new Float32Array(data.length);
  for (const [o, scale] of scales.data.entries()) {
    for (let i = o * each; i < (o + 1) * each; i++) weights[i] = scale * (data[i] as number);
  }
  return { dtype: "float32", shape, data: weights };
}
