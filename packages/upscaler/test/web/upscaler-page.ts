/// <reference lib="dom" />
import { Upscaler } from "../../src/web/index.js";

/** From now on the first workers on WebGPU lose their devices, each after so many runs. @returns those that are to come */
function loseDevices(runs: readonly number[]): readonly number[] {
  const Original = Worker;
  const left = [...runs];
  globalThis.Worker = class extends Original {
    constructor(url: string | URL, options?: WorkerOptions) {
      const most = /webgpu|jspi/.test(String(url)) ? left.shift() : undefined;
      if (most === undefined) super(url, options);
      else super(new URL("/losing-worker.js", location.href), { ...options, name: String(most) });
    }
  };
  return left;
}

/** What the page has for tests of the upscaler. */
const upscaling = {
  Upscaler,
  loseDevices,
  blobOf: (bytes: readonly number[]): Blob => new Blob([Uint8Array.from(bytes)], { type: "image/png" }),
  bytesOf: async (blob: Blob): Promise<number[]> => [...new Uint8Array(await blob.arrayBuffer())],
};

export type Upscaling = typeof upscaling;

Object.assign(globalThis, { upscaling });
