import { workerData } from "node:worker_threads";
import type { ColourSpace } from "@slimsr/core/internal/images/colour.js";
import { move, transferableSymbol, valueSymbol } from "piscina";
import type { Span } from "../degradations/degradation.js";
import { addNoise } from "../degradations/degrade.js";
import { type DecodedImage, readRegion } from "./decoded-cache.js";
import { readOutput } from "./kept-output.js";
import { drawPatch, noiseOf, writeTurned } from "./patches.js";

/** Entry of the worker thread that reads a patch sampler's batches. */

export interface PatchWorkerData {
  /** All with an output, or none. */
  readonly pairs: readonly { readonly hr: DecodedImage; readonly lr: DecodedImage; readonly output?: DecodedImage }[];
  readonly scale: number;
  /** Pixels along a side of an LR patch. */
  readonly side: number;
  readonly batch: number;
  /** The first sample that is read of each batch. */
  readonly first: number;
  readonly seed: number;
  readonly space: ColourSpace;
  /** Added to LR patches, of each batch anew. */
  readonly noise?: Span;
}

export interface PatchArrays {
  readonly lr: Float32Array<ArrayBuffer>;
  readonly hr: Float32Array<ArrayBuffer>;
  readonly output?: Float32Array<ArrayBuffer>;
}

const { pairs, scale, side, batch, first, seed, space, noise } = workerData as PatchWorkerData;
const channels = space === "rgb" ? 3 : 1;
const sizes = pairs.map(({ lr }) => lr);

/** Reads batch `index`; the arrays are moved to the caller's thread. */
export default function readBatch(index: number): unknown {
  const large = side * scale;
  const arrays: PatchArrays = {
    lr: new Float32Array(batch * channels * side * side),
    hr: new Float32Array(batch * channels * large * large),
    ...(pairs[0]?.output && { output: new Float32Array(batch * channels * large * large) }),
  };
  for (let sample = 0; sample < batch; sample++) {
    const { pair, x, y, symmetry } = drawPatch(seed, index, first + sample, sizes, side);
    const { lr, hr, output } = pairs[pair] as PatchWorkerData["pairs"][number];
    const small = readRegion(lr, x, y, side, side);
    const to = arrays.lr.subarray(sample * channels * side * side, (sample + 1) * channels * side * side);
    writeTurned(small, side, lr.channels, symmetry, space, to);
    if (noise) addNoise(to, noise, noiseOf(seed, index, first + sample));
    const big = readRegion(hr, x * scale, y * scale, large, large);
    writeTurned(big, large, hr.channels, symmetry, space, arrays.hr, sample * channels * large * large);
    if (!output || !arrays.output) continue;
    const made = readOutput(output, x * scale, y * scale, large, large);
    // An output is of the network's own channels already.
    const own = output.channels === 3 ? "rgb" : "grey";
    writeTurned(made, large, output.channels, symmetry, own, arrays.output, sample * channels * large * large);
  }
  const buffers = Object.values(arrays).map(({ buffer }: Float32Array<ArrayBuffer>) => buffer);
  return move({ [transferableSymbol]: buffers, [valueSymbol]: arrays });
}
