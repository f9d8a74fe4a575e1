import { readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { RunError } from "@slimsr/core/internal/errors.js";
import * as z from "zod";
import { writeAtomic } from "../files/atomic.js";
import { makeFolder } from "../files/folders.js";
import { FileLock } from "../files/lock.js";
import { systemReason } from "../files/system-reason.js";

/** Another process is at work in a run's folder. */
export class RunHeldError extends RunError {}

const PARTS = ["checkpoints", "samples"] as const;

/** A run's folder, held by one process at a time; other ranks of the run read in it. */
export class RunFolder {
  private constructor(
    readonly path: string,
    /** Undefined where the first rank has it. */
    private readonly lock: FileLock | undefined,
  ) {}

  /** The folder as a rank sees it that writes nothing, for the first one has it and writes the same. */
  static follow(path: string): RunFolder {
    return new RunFolder(path, undefined);
  }

  /**
   * Makes the folder, or takes one that is there.
   * @throws RunHeldError where another process is at work in it; RunError where it can't be made
   */
  static async hold(path: string): Promise<RunFolder> {
    try {
      for (const part of PARTS) await makeFolder(join(path, part));
    } catch (error) {
      throw new RunError(`${path} can't be made: ${systemReason(error)}; name another folder with --out`);
    }
    const held = await lock(join(path, "lock"), path);
    await removeLeftovers(path);
    return new RunFolder(path, held);
  }

  file(...parts: string[]): string {
    return join(this.path, ...parts);
  }

  async has(...parts: string[]): Promise<boolean> {
    return stat(this.file(...parts)).then(
      () => true,
      () => false,
    );
  }

  /** Writes a file beside its place and renames it. @throws RunError where it can't be, as on a full disk */
  async write(name: string, content: string | Uint8Array): Promise<void> {
    if (!this.lock) return;
    try {
      await writeAtomic(this.file(name), content);
    } catch (error) {
      throw new RunError(
        `${this.file(name)} can't be written: ${systemReason(error)}; what was there is as it was. Make room and resume the run`,
        { cause: error },
      );
    }
  }

  /** Removes what a run has left here, but the lock: its checkpoints first, so that it is none from then on. */
  async clear(): Promise<void> {
    if (!this.lock) return;
    const names = await readdir(this.path);
    const written = names.filter((name) => name === "metrics.jsonl" || name.startsWith("events.out.tfevents"));
    for (const part of [...PARTS, ...written]) {
      await rm(this.file(part), { recursive: true, force: true });
    }
    for (const part of PARTS) await makeFolder(this.file(part));
  }

  async release(): Promise<void> {
    await this.lock?.release();
  }
}

async function lock(file: string, folder: string): Promise<FileLock> {
  const held = await FileLock.take(file).catch((error: unknown) => {
    throw new RunError(
      `${file} can't be locked: ${systemReason(error)}; remove it, or name a folder with --out on a file system that takes locks`,
      { cause: error },
    );
  });
  if (held) return held;
  const owner = await readOwner(file);
  throw new RunHeldError(
    `${folder}: ${owner ? `process ${owner.process} on ${owner.host}` : "another process"} is at work in this folder; wait for it, stop it, ` +
      "or name another folder with --out",
  );
}

const ownerSchema = z.object({ process: z.int(), host: z.string() });

async function readOwner(file: string): Promise<z.infer<typeof ownerSchema> | undefined> {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Files that a process which is gone had begun to write; the folder's holder knows that nobody writes them any more. */
async function removeLeftovers(folder: string): Promise<void> {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const left = files.filter((file) => /^\..+\.tmp$/.test(basename(file)));
  await Promise.all(left.map((file) => rm(join(folder, file), { recursive: true, force: true })));
}
