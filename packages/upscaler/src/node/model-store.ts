import { createHash, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { CheckpointError } from "@slimsr/core/internal/errors.js";
import type { ModelStore } from "../loading/download.js";

/** $XDG_CACHE_HOME/slimsr/models, or ~/.cache/slimsr/models. */
export const modelsFolder = (): string =>
  join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slimsr", "models");

/** Downloaded models in a folder, a file for each address. */
export function folderStore(folder: string): ModelStore {
  const fileOf = (url: string) =>
    join(folder, `${createHash("sha256").update(url).digest("hex").slice(0, 16)}-${nameOf(url)}`);
  return {
    get: async (url) => {
      try {
        return await readFile(fileOf(url));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw unusable(fileOf(url), error);
      }
    },
    put: async (url, bytes) => {
      const file = fileOf(url);
      const beside = `${file}.${randomUUID()}.tmp`;
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(beside, bytes);
        await rename(beside, file);
      } catch (error) {
        await rm(beside, { force: true }).catch(() => undefined);
        throw unusable(file, error);
      }
    },
  };
}

/** Models that were downloaded into a folder, and what a killed process left half written. */
export async function downloadedModels(folder = modelsFolder()): Promise<{ path: string; bytes: number }[]> {
  const names = await readdir(folder).catch(() => []);
  const own = names.filter((name) => /^[0-9a-f]{16}-[\w.-]+$/.test(name)).map((name) => join(folder, name));
  return Promise.all(own.map(async (path) => ({ path, bytes: (await stat(path)).size })));
}

/** A file's name in an address, of characters that any file system takes. */
const nameOf = (url: string): string => basename(new URL(url).pathname).replace(/[^\w.-]/g, "_") || "model";

const unusable = (file: string, error: unknown): CheckpointError =>
  new CheckpointError(
    `${file}: a downloaded model can't be kept there: ${(error as Error).message}; name another folder (cache: FOLDER, or XDG_CACHE_HOME), or keep none (cache: false)`,
    { cause: error },
  );
