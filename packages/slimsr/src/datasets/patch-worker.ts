import { workerData } from "node:worker_threads";
import { move, transferableSymbol, valueSymbol } from "piscina";
import { type DecodedImage, readRegion } from "./decoded-cache.js";
import { readOutput } from "./kept-output.js";
import { drawPatch, writeTurned } from "./patches.js";

/** Entry of the worker thread that reads a patch sampler's batches. */

export interface PatchWorkerData {
  /** All with an output, or none. */
  readonly pairs: readonly { readonly hr: DecodedImage; readonly lr: DecodedImage; readonly output?: DecodedImage }[];
  readonly scale: number;
  /** Pixels along a side of an LR patch. */
  readonly side: number;
  readonly batch: number;
  readonly seed: number;
}

export interface PatchArrays {
  readonly lr: Float32Array<ArrayBuffer>;
  readonly hr: Float32Array<ArrayBuffer>;
  readonly output?: Float32Array<ArrayBuffer>;
}

const { pairs, scale, side, batch, seed } = workerData as PatchWorkerData;
const sizes = pairs.map(({ lr }) => lr);

/** Reads batch `index`; the arrays are moved to the caller's thread. */
export default function readBatch(index: number): unknown {
  const large = side * scale;
  const arrays: PatchArrays = {
    lr: new Float32Array(batch * 3 * side * side),
    hr: new Float32Array(batch * 3 * large * large),
    ...(pairs[0]?.output && { output: new Float32Array(batch * 3 * large * large) }),
  };
  for (let sample = 0; sample < batch; sample++) {
    const { pair, x, y, symmetry } = drawPatch(seed, index, sample, sizes, side);
    const { lr, hr, output } = pairs[pair] as PatchWorkerData["pairs"][number];
    const small = readRegion(lr, x, y, side, side);
    writeTurned(small, side, lr.channels, symmetry, arrays.lr, sample * 3 * side * side);
    const big = readRegion(hr, x * scale, y * scale, large, large);
    writeTurned(big, large, hr.channels, symmetry, arrays.hr, sample * 3 * large * large);
    if (!output || !arrays.output) continue;
    const made = readOutput(output, x * scale, y * scale, large, large);
    writeTurned(made, large, output.channels, symmetry, arrays.output, sample * 3 * large * large);
  }
  const buffers = Object.values(arrays).map(({ buffer }: Float32Array<ArrayBuffer>) => buffer);
  return move({ [transferableSymbol]: buffers, [valueSymbol]: arrays });
}
