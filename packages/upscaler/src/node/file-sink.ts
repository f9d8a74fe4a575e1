import { randomUUID } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Writable } from "node:stream";
import { ImageError } from "@slimsr/core/internal/errors.js";
import type { ByteSink } from "../images/bytes.js";
import { systemReason } from "./system-reason.js";

/**
 * A file that is written beside its place and renamed when it is closed: whatever happens, the path holds the old file or the whole
 * new one. What a process that is gone had begun to write in the folder is removed.
 * @throws ImageError where it can't be written, also of each of the sink's calls
 */
export async function fileSink(path: string): Promise<ByteSink> {
  const target = resolve(path);
  const folder = dirname(target);
  const fail = (error: unknown): never => {
    throw new ImageError(`${path}: cannot be written: ${systemReason(error)}`, { cause: error });
  };
  await removeLeftovers(folder);
  const part = join(folder, `.slimsr-${process.pid}-${randomUUID()}.part`);
  const file = await open(part, "wx").catch(fail);
  const abort = async () => {
    await file.close().catch(() => undefined);
    await rm(part, { force: true });
  };
  return {
    write: (bytes) => writeAll(file, bytes).catch(fail),
    async close() {
      try {
        await file.close();
        await rename(part, target);
      } catch (error) {
        await rm(part, { force: true });
        fail(error);
      }
    },
    abort,
  };
}

/** A write may end short without an error. */
async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}

const PART = /^\.slimsr-(\d+)-[\da-f-]{36}\.part$/;

const cleaned = new Map<string, Promise<void>>();

/** Removes, once in a process, what others had begun to write in a folder, and an earlier one of the same number. */
function removeLeftovers(folder: string): Promise<void> {
  const cleaning = cleaned.get(folder) ?? clean(folder);
  cleaned.set(folder, cleaning);
  return cleaning;
}

async function clean(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const pid = Number(PART.exec(name)?.[1] ?? 0);
    if (pid > 0 && (pid === process.pid || !isAlive(pid))) await rm(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's can't be signalled, but is there.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** A stream of Node's, as the standard output. It is not ended. */
export const streamSink = (stream: Writable): ByteSink => ({
  write: (bytes) =>
    new Promise((done, fail) => {
      stream.write(bytes, (error) => (error ? fail(error) : done()));
    }),
  close: async () => {},
  abort: async () => {},
});
