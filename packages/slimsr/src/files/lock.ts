import { type FileHandle, open, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";

/** Loading them takes a tenth of a command's start, and most commands lock nothing. */
const locks = () => import("fs-native-extensions");

/**
 * A file that one holder at a time has locked, by the operating system: the lock ends with the process, however that ends, and is
 * seen across containers and, where the server takes locks, across machines.
 */
export class FileLock {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /**
   * Takes a lock, and writes into its file who has it.
   * @returns undefined where another has it
   * @throws the file system's error where the file can't be made or locked
   */
  static async take(path: string): Promise<FileLock | undefined> {
    const { tryLock } = await locks();
    for (;;) {
      const file = await open(path, "a+");
      let taken = false;
      try {
        if (!tryLock(file.fd)) return undefined;
        // Whoever had it may have removed the file after it was opened here: what is locked then is nobody's.
        taken = await isAt(path, file);
        if (!taken) continue;
        await file.truncate();
        await file.writeFile(JSON.stringify({ process: process.pid, host: hostname() }));
        return new FileLock(path, file);
      } finally {
        if (!taken) await file.close();
      }
    }
  }

  /** Removes the file, then lets go of it. */
  async release(): Promise<void> {
    await rm(this.path, { force: true });
    await this.file.close();
  }
}

/** Whether a path leads to an open file. */
async function isAt(path: string, file: FileHandle): Promise<boolean> {
  const [there, opened] = await Promise.all([
    stat(path, { bigint: true }).catch(() => undefined),
    file.stat({ bigint: true }),
  ]);
  return there?.ino === opened.ino && there.dev === opened.dev;
}

/** Locks an open file until it is closed: false where another has it locked, undefined where the file system takes no locks. */
export async function lockOpen(file: FileHandle): Promise<boolean | undefined> {
  try {
    return (await locks()).tryLock(file.fd);
  } catch {
    return undefined;
  }
}
