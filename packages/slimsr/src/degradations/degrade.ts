import { createHash } from "node:crypto";
import { type FloatPlanes, resizeBicubic } from "@slimsr/core/internal/images/bicubic.js";
import { type Image8, imageOf, rounded, to8Bit } from "@slimsr/core/internal/images/image.js";
import { decodeImage } from "../images/decode.js";
import { encodeImage } from "../images/encode.js";
import { normalNumbers, randomNumbers } from "../random.js";
import { blurred } from "./blur.js";
import type { Span, Step } from "./degradation.js";

/**
 * What steps make of an image, each rounded and clipped to 8 bits: bicubic is MATLAB's by 1/scale; JPEG is libjpeg's with chroma at
 * half the resolution; blur and noise are Gaussian.
 * @param image of one or three channels; its sides are multiples of the scale
 * @param random uniform numbers in [0, 1), by which ranges and noise are drawn
 */
export async function degrade(
  image: Image8,
  steps: readonly Step[],
  scale: number,
  random: () => number,
): Promise<Image8> {
  let made = image;
  for (const step of steps) made = await taken(step, made, scale, random);
  return made;
}

async function taken(step: Step, image: Image8, scale: number, random: () => number): Promise<Image8> {
  switch (step.kind) {
    case "bicubic":
      return to8Bit(resizeBicubic(image, 1 / scale));
    case "jpeg":
      return throughJpeg(image, Math.round(drawn(step, random)));
    case "blur":
      return blurred(image, drawn(step, random));
    case "noise": {
      const values = Float32Array.from(image.data);
      addNoise(values, step, random);
      return imageOf(
        image.width,
        image.height,
        image.channels,
        Uint8Array.from(values, (value) => rounded(value, 255)),
      );
    }
  }
}

/** A value of a span. */
export const drawn = ({ least, most }: Span, random: () => number): number =>
  least === most ? least : least + (most - least) * random();

async function throughJpeg(image: Image8, quality: number): Promise<Image8> {
  const bytes = await encodeImage(image, "jpeg", { quality, chroma: "4:2:0" });
  return to8Bit(await decodeImage(bytes, "an image made JPEG"));
}

/** Adds Gaussian noise of a standard deviation that is drawn from the span, in levels of 255, neither rounded nor clipped. */
export function addNoise(values: Float32Array, span: Span, random: () => number): void {
  const sigma = drawn(span, random);
  const normal = normalNumbers(random);
  for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) + sigma * normal();
}

/** Planes with noise that depends on the seed and on what they hold alone. */
export function withNoise(planes: FloatPlanes, span: Span, seed: number): FloatPlanes<Float32Array<ArrayBuffer>> {
  const data = Float32Array.from(planes.data);
  addNoise(data, span, seededBy(seed, planes.data));
  return { ...planes, data };
}

/** Uniform numbers that depend on a seed and on some samples alone, so that an image gets the same wherever it lies. */
export function seededBy(seed: number, samples: Uint8Array | Float32Array): () => number {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  return randomNumbers(createHash("sha256").update(`${seed}/`).update(bytes).digest().readUInt32LE(0));
}
