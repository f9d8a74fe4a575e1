import { randomUUID } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { lockOpen } from "./lock.js";

/**
 * Writes a file beside its place and renames it: whatever happens, the path holds the old file or the whole new one. What a
 * process that was killed had begun to write in the folder is removed.
 * @param options.sync whether it is on the disk before it is renamed, so that it outlives a power failure too
 * @throws the file system's error, as on a full disk; nothing is left behind
 */
export async function writeAtomic(path: string, data: string | Uint8Array, { sync = true } = {}): Promise<void> {
  await removeLeftovers(dirname(path));
  const { temporary, file } = await createIn(dirname(path));
  try {
    // Unlike a single write, which may end short without an error, this goes on to the last byte or fails.
    await file.writeFile(data);
    if (sync) await file.sync();
    // Its lock is kept until it has its name, so that nobody takes it for a leftover.
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** A new file that is locked as long as it is open, which tells it from what a process that is gone has left. */
async function createIn(folder: string): Promise<{ temporary: string; file: FileHandle }> {
  for (;;) {
    const temporary = join(folder, `.slimsr-${randomUUID()}.tmp`);
    const file = await open(temporary, "wx");
    // Between the two calls another process may have taken it for a leftover.
    if ((await lockOpen(file)) !== false && (await file.stat()).nlink > 0) return { temporary, file };
    await file.close();
  }
}

const TEMPORARY = /^\.slimsr-[\da-f-]{36}\.tmp$/;

const cleaned = new Set<string>();

/** Removes, once in a process, the files of a folder that a process which is gone had begun to write. */
async function removeLeftovers(folder: string): Promise<void> {
  if (cleaned.has(folder)) return;
  cleaned.add(folder);
  const names = await readdir(folder).catch(() => []);
  await Promise.all(names.filter((name) => TEMPORARY.test(name)).map((name) => removeAbandoned(join(folder, name))));
}

async function removeAbandoned(path: string): Promise<void> {
  const file = await open(path, "r+").catch(() => undefined);
  if (!file) return;
  try {
    if (await lockOpen(file)) await rm(path, { force: true }).catch(() => undefined);
  } finally {
    await file.close();
  }
}
