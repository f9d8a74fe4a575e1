import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

let count = 0;

/**
 * Writes a file beside its place and renames it: whatever happens, the path holds the old file or the whole new one.
 * @param options.sync whether it is on the disk before it is renamed, so that it outlives a power failure too
 * @throws the file system's error, as on a full disk; nothing is left behind
 */
export async function writeAtomic(path: string, data: string | Uint8Array, { sync = true } = {}): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}-${count++}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      // Unlike a single write, which may end short without an error, this goes on to the last byte or fails.
      await file.writeFile(data);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
