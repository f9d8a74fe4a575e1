import { NetworkError } from "@slimsr/core/internal/errors.js";
import type { Value } from "@slimsr/core/internal/graph/index.js";
import { float32, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";

/** A value of a graph on each batch of patches. */
export type Batches = readonly Tensor[];

/** Numbers of an activation that its range is chosen by. */
const SAMPLE = 2 ** 17;

/** Some of a value's numbers, from all over the patches. @throws NetworkError unless all are finite */
export function sampleOf({ name }: Value, batches: Batches): Float32Array {
  const count = batches.reduce((sum, { data }) => sum + data.length, 0);
  const step = Math.max(1, Math.floor(count / SAMPLE)) | 1;
  const sample: number[] = [];
  for (const { data } of batches) for (let i = 0; i < data.length; i += step) sample.push(data[i] as number);
  if (!sample.every(Number.isFinite)) {
    throw new NetworkError(`${name} isn't finite on the calibration images; check the range of the network's images`);
  }
  return Float32Array.from(sample);
}

/** Whether two values are the same, as where nothing in front of one was rounded. */
export const alike = (own: Batches, other: Batches | undefined): boolean =>
  own.every(({ data }, i) => {
    const wanted = other?.[i]?.data as Float32Array;
    return (data as Float32Array).every((value, at) => value === wanted[at]);
  });

export const mapped = (batches: Batches, change: (data: Float32Array) => Float32Array): Batches =>
  batches.map(({ data, shape }) => float32(change(data as Float32Array), shape));
