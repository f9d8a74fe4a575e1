import { type DownloadOptions, download, type ModelStore } from "../loading/download.js";
import { type NamedBytes, nameOfBytes } from "../loading/format.js";
import { shippedModel } from "../loading/shipped-models.js";

/** A model: the address of its file, its bytes, a file that was picked or dropped, or the name of one that ships. */
export type ModelSource = string | URL | Uint8Array | Blob;

export interface SourceOptions extends DownloadOptions {
  /** What the file is called, where bytes are given: its ending tells the format. */
  readonly name?: string | undefined;
  /** The name of the cache (of the browser's Cache API) where models from addresses are kept, or none; `slimsr-models` by default. */
  readonly cache?: string | false | undefined;
}

/** Bundlers recognise a file by an address that is written in full. */
const SHIPPED: Readonly<Record<string, () => URL>> = {
  "photo-x2.safetensors": () => new URL("../../models/photo-x2.safetensors", import.meta.url),
  "photo-x2-fast.safetensors": () => new URL("../../models/photo-x2-fast.safetensors", import.meta.url),
  "jpeg-x2.safetensors": () => new URL("../../models/jpeg-x2.safetensors", import.meta.url),
  "photo-x4.safetensors": () => new URL("../../models/photo-x4.safetensors", import.meta.url),
  "photo-x4-fast.safetensors": () => new URL("../../models/photo-x4-fast.safetensors", import.meta.url),
};

/** @throws CheckpointError where it can't be fetched */
export async function modelBytes(source: ModelSource, options: SourceOptions = {}): Promise<NamedBytes> {
  if (source instanceof Uint8Array) return { bytes: source, name: options.name ?? nameOfBytes(source) };
  if (source instanceof Blob) {
    const bytes = new Uint8Array(await source.arrayBuffer());
    return { bytes, name: options.name ?? (source instanceof File ? source.name : nameOfBytes(bytes)) };
  }
  const shipped = shippedModel(String(source));
  const url = new URL((shipped && SHIPPED[shipped.file]?.()) ?? source, location.href).href;
  const { cache = "slimsr-models" } = options;
  const bytes = await download(url, cache === false ? undefined : cacheStore(cache), options);
  return { bytes, name: shipped?.file ?? options.name ?? (new URL(url).pathname.split("/").at(-1) || "model.onnx") };
}

/** Pages without a secure origin have no caches: nothing is kept there. */
export function cacheStore(name: string): ModelStore | undefined {
  if (typeof caches === "undefined") return undefined;
  return {
    get: async (url) => {
      const response = await (await caches.open(name)).match(url);
      return response && new Uint8Array(await response.arrayBuffer());
    },
    put: async (url, bytes) => {
      // A browser that has no room keeps nothing; the model is used all the same.
      await (await caches.open(name)).put(url, new Response(bytes as Uint8Array<ArrayBuffer>)).catch(() => undefined);
    },
  };
}
