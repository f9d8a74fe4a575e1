import { workerData } from "node:worker_threads";
import type { ColourSpace } from "@slimsr/core/internal/images/colour.js";
import { move, transferableSymbol, valueSymbol } from "piscina";
import type { Span } from "../degradations/degradation.js";
import { addNoise } from "../degradations/degrade.js";
import { type DecodedImage, readRegion } from "./decoded-cache.js";
import { readOutput } from "./kept-output.js";
import { type Copies, detailOf, drawPatch, noiseOf, type Patch, writeTurned } from "./patches.js";

/** Entry of the worker thread that reads a patch sampler's batches. */

export interface PatchWorkerData {
  /** Images, then smaller copies of them. All with an output, or none. */
  readonly pairs: readonly { readonly hr: DecodedImage; readonly lr: DecodedImage; readonly output?: DecodedImage }[];
  readonly copies: Copies;
  readonly scale: number;
  /** Pixels along a side of an LR patch. */
  readonly side: number;
  readonly batch: number;
  /** The first sample that is read of each batch. */
  readonly first: number;
  /** Places that are drawn for each patch; the one of most detail is taken. */
  readonly candidates: number;
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

const { pairs, copies, scale, side, batch, first, candidates, seed, space, noise } = workerData as PatchWorkerData;
const channels = space === "rgb" ? 3 : 1;
const sizes = pairs.map(({ lr }) => lr);
const large = side * scale;
// What is read goes into the same memory for every patch: a new array for each would have the garbage collected many times a second.
const memory = {
  candidates: [new Uint8Array(3 * side * side), new Uint8Array(3 * side * side)] as const,
  hr: new Uint8Array(3 * large * large),
  output: new Float32Array(3 * large * large),
};

/** Reads batch `index`; the arrays are moved to the caller's thread. */
export default function readBatch(index: number): unknown {
  const arrays: PatchArrays = {
    lr: new Float32Array(batch * channels * side * side),
    hr: new Float32Array(batch * channels * large * large),
    ...(pairs[0]?.output && { output: new Float32Array(batch * channels * large * large) }),
  };
  for (let sample = 0; sample < batch; sample++) {
    const { pair, x, y, symmetry, small } = chosenPatch(index, first + sample);
    const { lr, hr, output } = pairs[pair] as PatchWorkerData["pairs"][number];
    const to = arrays.lr.subarray(sample * channels * side * side, (sample + 1) * channels * side * side);
    writeTurned(small, side, lr.channels, symmetry, space, to);
    if (noise) addNoise(to, noise, noiseOf(seed, index, first + sample));
    const big = readRegion(hr, x * scale, y * scale, large, large, memory.hr.subarray(0, large * large * hr.channels));
    writeTurned(big, large, hr.channels, symmetry, space, arrays.hr, sample * channels * large * large);
    if (!output || !arrays.output) continue;
    const samples = memory.output.subarray(0, large * large * output.channels);
    const made = readOutput(output, x * scale, y * scale, large, large, samples);
    // An output is of the network's own channels already.
    const own = output.channels === 3 ? "rgb" : "grey";
    writeTurned(made, large, output.channels, symmetry, own, arrays.output, sample * channels * large * large);
  }
  const buffers = Object.values(arrays).map(({ buffer }: Float32Array<ArrayBuffer>) => buffer);
  return move({ [transferableSymbol]: buffers, [valueSymbol]: arrays });
}

/** Of a sample's candidates the one of most detail, the first of equals, and its LR pixels, which are there until the next call. */
function chosenPatch(index: number, sample: number): Patch & { readonly small: Uint8Array } {
  const read = (candidate: number, into: Uint8Array) => {
    const patch = drawPatch(seed, index, sample, sizes, side, candidate, copies);
    const { lr } = pairs[patch.pair] as PatchWorkerData["pairs"][number];
    const small = readRegion(lr, patch.x, patch.y, side, side, into.subarray(0, side * side * lr.channels));
    return { ...patch, small, detail: candidates > 1 ? detailOf(small, side, lr.channels) : 0 };
  };
  let [taken, free] = memory.candidates;
  let chosen = read(0, taken);
  for (let candidate = 1; candidate < candidates; candidate++) {
    const other = read(candidate, free);
    if (other.detail <= chosen.detail) continue;
    chosen = other;
    [taken, free] = [free, taken];
  }
  return chosen;
}
