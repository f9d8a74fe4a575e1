import { type Stats, statSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { OUTPUT_ENDING } from "./kept-output.js";

/** Bytes of decoded images and networks' outputs that are kept. */
export const CACHE_LIMIT = 50 * 2 ** 30;
const DAY = 86_400_000;
/** What was used in the last days stays whatever the limit: a run may be at work on it. */
const KEPT = 7 * DAY;

/** $XDG_CACHE_HOME/slimsr/images, or ~/.cache/slimsr/images. */
export function defaultCacheDirectory(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slimsr", "images");
}

export interface CacheUse {
  readonly files: number;
  readonly bytes: number;
  /** How many of the files are networks' outputs on training images; the others are decoded images. */
  readonly outputs: number;
}

/** How much the cache holds. */
export async function cacheUse(directory: string): Promise<CacheUse> {
  return total(await filesOf(directory));
}

/** Removes all of them. @returns what there was */
export async function clearCache(directory: string): Promise<CacheUse> {
  const files = await filesOf(directory);
  await removeAll(files);
  return total(files);
}

/** Removes what hasn't been used for longest until no more than the limit is left, and what a killed process left half written. */
export async function limitCache(directory: string, limit = CACHE_LIMIT): Promise<void> {
  const now = Date.now();
  const files = (await filesOf(directory)).sort((a, b) => a.used - b.used);
  let { bytes } = total(files);
  const dropped = files.filter(({ path, used, size }) => {
    const isDue = path.endsWith(".tmp") ? used < now - DAY : bytes > limit && used < now - KEPT;
    if (isDue) bytes -= size;
    return isDue;
  });
  await removeAll(dropped);
}

interface CachedFile {
  readonly path: string;
  readonly size: number;
  /** When it was last used, in milliseconds. */
  readonly used: number;
}

/** The cache's own files alone: whatever else lies in the folder is not touched. */
async function filesOf(directory: string): Promise<CachedFile[]> {
  const files: CachedFile[] = [];
  for (const part of await readdir(directory).catch(() => [])) {
    if (!/^[0-9a-f]{2}$/.test(part)) continue;
    for (const name of await readdir(join(directory, part)).catch(() => [])) {
      if (!/^[0-9a-f]{38}\.(raw|output)$|^\..+\.tmp$/.test(name)) continue;
      const path = join(directory, part, name);
      const found = statusOf(path);
      if (found) files.push({ path, size: found.size, used: found.mtimeMs });
    }
  }
  return files;
}

/** Undefined where the system says none. Blocks: a millisecond for a hundred files, which otherwise take four. */
function statusOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

const total = (files: readonly CachedFile[]): CacheUse => ({
  files: files.length,
  bytes: files.reduce((sum, { size }) => sum + size, 0),
  outputs: files.filter(({ path }) => path.endsWith(OUTPUT_ENDING)).length,
});

async function removeAll(files: readonly CachedFile[]): Promise<void> {
  for (const { path } of files) await rm(path, { force: true });
}
