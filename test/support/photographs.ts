import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { type Channels, type Image, imageOf } from "../../packages/core/src/images/image.js";
import { readImage } from "../../packages/slimsr/src/images/decode.js";

/** Path of a photograph's crop: 05 is 101×75, 19 is 192×192, 23 is 240×192. */
export function photographPath(number: "05" | "19" | "23"): string {
  return fileURLToPath(new URL(`../fixtures/images/kodak-${number}.png`, import.meta.url));
}

export function photograph(number: "05" | "19" | "23"): Promise<Image> {
  return readImage(photographPath(number));
}

/** Noise that is the same every time. */
export function noise(width: number, height: number, channels: Channels, depth: 8 | 16, seed = 1): Image {
  const length = width * height * channels;
  const data = depth === 8 ? new Uint8Array(length) : new Uint16Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> (32 - depth);
  }
  return imageOf(width, height, channels, data);
}

export function digest(image: Image): string {
  const { buffer, byteOffset, byteLength } = image.data;
  return createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex")
    .slice(0, 16);
}

/** Largest absolute difference of samples. */
export function distance(a: Image, b: Image): number {
  let most = 0;
  for (let i = 0; i < a.data.length; i++) {
    most = Math.max(most, Math.abs((a.data[i] as number) - (b.data[i] as number)));
  }
  return most;
}
