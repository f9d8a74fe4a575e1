import { rmSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileLock } from "./lock.js";

const PREFIX = "slimsr-scratch-";

interface Scratch {
  readonly path: string;
  readonly lock: FileLock;
}

let scratch: Promise<Scratch> | undefined;
let cleaned: Promise<void> | undefined;

/**
 * This process' own folder below the system's for temporary files, gone when it ends. It is locked, so that what a killed process
 * leaves is known for that.
 * @throws the file system's error where it can't be made
 */
export async function scratchFolder(): Promise<string> {
  scratch ??= make();
  return (await scratch).path;
}

async function make(): Promise<Scratch> {
  for (;;) {
    const path = await mkdtemp(join(tmpdir(), PREFIX));
    // Before it is locked another process may take it for one that was left.
    const lock = await FileLock.take(join(path, "lock")).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
    if (!lock) continue;
    process.once("exit", () => rmSync(path, { recursive: true, force: true }));
    return { path, lock };
  }
}

/** Removes, once in a process, the folders of processes that are gone. */
export function removeAbandonedScratch(): Promise<void> {
  cleaned ??= clean();
  return cleaned;
}

async function clean(): Promise<void> {
  const names = await readdir(tmpdir()).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(PREFIX))) {
    const path = join(tmpdir(), name);
    // Another user's can't be locked, and stays.
    const lock = await FileLock.take(join(path, "lock")).catch(() => undefined);
    if (!lock) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
    await lock.release();
  }
}
