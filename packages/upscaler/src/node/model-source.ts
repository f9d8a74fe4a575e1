import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { CheckpointError } from "@slimsr/core/internal/errors.js";
import { type DownloadOptions, download } from "../loading/download.js";
import { type NamedBytes, nameOfBytes } from "../loading/format.js";
import { shippedModel } from "../loading/shipped-models.js";
import { folderStore, modelsFolder } from "./model-store.js";

/** A model: the path or address of its file, its bytes, or the name of one that ships. */
export type ModelSource = string | URL | Uint8Array;

export interface SourceOptions extends DownloadOptions {
  /** What the file is called, where bytes are given: its ending tells the format. */
  readonly name?: string | undefined;
  /** The folder where models from addresses are kept, or none; $XDG_CACHE_HOME/slimsr/models by default. */
  readonly cache?: string | false | undefined;
}

export interface ModelBytes extends NamedBytes {
  /** The file, where it is one: what lies beside it may belong to it. */
  readonly path?: string;
}

/** Where a model that ships lies: in this package, also where this module is part of a bundle. */
export const shippedFile = (file: string): string =>
  createRequire(import.meta.url).resolve(`@slimsr/upscaler/models/${file}`);

/** @throws CheckpointError where there is no such file, or it can't be fetched */
export async function modelBytes(source: ModelSource, options: SourceOptions = {}): Promise<ModelBytes> {
  if (source instanceof Uint8Array) return { bytes: source, name: options.name ?? nameOfBytes(source) };
  const address = String(source);
  if (/^https?:/i.test(address)) {
    const { cache = modelsFolder() } = options;
    const bytes = await download(address, cache === false ? undefined : folderStore(cache), options);
    return { bytes, name: options.name ?? basename(new URL(address).pathname) };
  }
  const shipped = shippedModel(address);
  const path = shipped ? shippedFile(shipped.file) : pathOf(source);
  try {
    return { bytes: await readFile(path), name: shipped?.file ?? options.name ?? basename(path), path };
  } catch (error) {
    throw new CheckpointError(`${path} can't be read: ${(error as Error).message}`, { cause: error });
  }
}

const pathOf = (source: string | URL): string =>
  source instanceof URL || source.startsWith("file:") ? fileURLToPath(source) : source;
