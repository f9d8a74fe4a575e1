import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { type Channels, imageOf } from "@slimsr/core/internal/images/image.js";
import { type DecodedImage, readRegion, storeDecoded } from "./decoded-cache.js";
import type { StoredImage } from "./stored-image.js";

/**
 * What a network makes of a whole image, kept in the decoded cache for training. A sample is a number of 16 bits: (value + 384) · 64,
 * so that values from −384 to 639.98 are kept to 1/128 of a level of 255; what lies beyond is no image's, and clipped.
 * It is stored as an image of 8-bit samples and twice the width, a number's bytes as the processor has them.
 */
const VERSION = 2;
const LEAST = -384;
const STEPS = 64;
const MOST = 2 ** 16 - 1;

/** Bytes of each sample. */
export const OUTPUT_SAMPLE_BYTES = 2;

/** How files of kept outputs end. */
export const OUTPUT_ENDING = ".output";

/**
 * The file that holds, or is to hold, what networks make of an image. It is called by a digest of both, so that neither another
 * network's nor another image's output is ever taken for it.
 * @param made digest of all that the output follows from beside the image
 */
export function outputFile(directory: string, made: string, image: StoredImage): string {
  const digest = createHash("sha256").update(`${VERSION}\n${made}\n${image.digest}`).digest("hex").slice(0, 40);
  return join(resolve(directory), digest.slice(0, 2), `${digest.slice(2)}${OUTPUT_ENDING}`);
}

/** Planes of a network's output, one after another, in 0..255, neither rounded nor clipped. */
export interface OutputPlanes {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** Whether no value of an output is clipped where it is stored. */
export const isKept = ({ data }: OutputPlanes): boolean =>
  data.every((value) => value >= LEAST && value <= LEAST + MOST / STEPS);

/** @throws DatasetError if the folder cannot be written */
export function storeOutput(file: string, { width, height, data }: OutputPlanes): Promise<DecodedImage> {
  const area = width * height;
  const channels = (data.length / area) as Channels;
  const samples = new Uint16Array(data.length);
  for (let pixel = 0; pixel < area; pixel++) {
    for (let channel = 0; channel < channels; channel++) {
      const value = Math.round(((data[channel * area + pixel] as number) - LEAST) * STEPS);
      samples[pixel * channels + channel] = Math.min(Math.max(value, 0), MOST);
    }
  }
  return storeDecoded(file, imageOf(OUTPUT_SAMPLE_BYTES * width, height, channels, new Uint8Array(samples.buffer)));
}

/**
 * Reads a rectangle of a kept output. Blocks: for worker threads.
 * @param target gets the samples of `width` · `height` pixels in 0..255, pixel after pixel, and is returned
 * @throws DatasetError if the file is gone or damaged
 */
export function readOutput(
  output: DecodedImage,
  x: number,
  y: number,
  width: number,
  height: number,
  target: Float32Array = new Float32Array(width * height * output.channels),
): Float32Array {
  const { buffer, byteOffset, length } = target;
  // They are read into the target's second half. Sample i ends where stored number 2i + 2 − length begins, which is at most i + 1:
  // it overwrites none that is still to be read.
  const stored = new Uint16Array(buffer, byteOffset + OUTPUT_SAMPLE_BYTES * length, length);
  const bytes = new Uint8Array(buffer, stored.byteOffset, stored.byteLength);
  readRegion(output, OUTPUT_SAMPLE_BYTES * x, y, OUTPUT_SAMPLE_BYTES * width, height, bytes);
  for (let i = 0; i < length; i++) target[i] = (stored[i] as number) / STEPS + LEAST;
  return target;
}
