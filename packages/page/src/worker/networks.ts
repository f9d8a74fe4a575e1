import { engineBuild } from "@slimsr/upscaler/internal/web/session.js";
import { Upscaler } from "@slimsr/upscaler/web";
import type { Engine, ModelInfo, Network, Size } from "../messages/calls.js";

export interface Loaded {
  readonly upscaler: Upscaler;
  readonly info: ModelInfo;
  /** Where it runs now. */
  engine(): Engine;
}

/** Bytes of activations at once: tiles that a slow processor computes in about a second, so that the image comes to be before one's eyes. */
const TILE_MEMORY = 2 ** 27;

/** Threads that the engine has: one in a page that isn't isolated from other origins. */
export const threads = (): number => (crossOriginIsolated ? navigator.hardwareConcurrency : 1);

/** @param quality the one that is compiled at once, by default the best */
export async function loadNetwork({ model, device }: Network, quality: number | undefined, at: Size): Promise<Loaded> {
  let fallback: string | undefined;
  const upscaler = await Upscaler.load(model.source, {
    ...{ name: model.name, device, quality, at, memory: TILE_MEMORY, threads: threads() },
    // What the page fetches its service worker keeps.
    cache: false,
    onFallback: (reason) => {
      fallback = reason;
    },
  });
  return {
    upscaler,
    info: {
      scale: upscaler.scale,
      qualities: upscaler.qualities,
      costs: upscaler.qualities.map((each) => upscaler.costOf(each)),
    },
    engine: () => ({
      device: upscaler.device,
      build: engineBuild(upscaler.device),
      threads: threads(),
      ...(fallback !== undefined && upscaler.device === "cpu" && { fallback }),
    }),
  };
}

/** The network that was asked for last, ready: another one takes its place, and its memory. */
export class CurrentNetwork {
  #key = "";
  #loading: Promise<Loaded> | undefined;

  async get(network: Network, quality: number | undefined, at: Size): Promise<Loaded> {
    const key = `${network.model.key} ${network.device}`;
    if (key !== this.#key || !this.#loading) {
      await this.release();
      this.#key = key;
      this.#loading = loadNetwork(network, quality, at);
    }
    const loading = this.#loading;
    try {
      return await loading;
    } catch (error) {
      if (this.#loading === loading) this.#loading = undefined;
      throw error;
    }
  }

  async release(): Promise<void> {
    const loading = this.#loading;
    this.#loading = undefined;
    await (await loading?.catch(() => undefined))?.upscaler.dispose();
  }
}
