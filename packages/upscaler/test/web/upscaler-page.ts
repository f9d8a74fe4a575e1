/// <reference lib="dom" />
import { Upscaler } from "../../src/web/index.js";

/** What the page has for tests of the upscaler. */
const upscaling = {
  Upscaler,
  blobOf: (bytes: readonly number[]): Blob => new Blob([Uint8Array.from(bytes)], { type: "image/png" }),
  bytesOf: async (blob: Blob): Promise<number[]> => [...new Uint8Array(await blob.arrayBuffer())],
};

export type Upscaling = typeof upscaling;

Object.assign(globalThis, { upscaling });
