import { open, readdir, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { RunError } from "@slimsr/core/internal/errors.js";
import { writeAtomic } from "../files/atomic.js";
import { makeFolder } from "../files/folders.js";
import { systemReason } from "../files/system-reason.js";

const PARTS = ["checkpoints", "samples"] as const;

/** A run's folder, held by one process at a time. */
export class RunFolder {
  private constructor(readonly path: string) {}

  /**
   * Makes the folder, or takes one that is there.
   * @throws RunError where another process is at work in it, or it can't be made
   */
  static async hold(path: string): Promise<RunFolder> {
    try {
      for (const part of PARTS) await makeFolder(join(path, part));
    } catch (error) {
      throw new RunError(`${path} can't be made: ${systemReason(error)}; name another folder with --out`);
    }
    await lock(join(path, "lock"), path);
    return new RunFolder(path);
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
    const names = await readdir(this.path);
    const written = names.filter((name) => name === "metrics.jsonl" || name.startsWith("events.out.tfevents"));
    for (const part of [...PARTS, ...written]) {
      await rm(this.file(part), { recursive: true, force: true });
    }
    for (const part of PARTS) await makeFolder(this.file(part));
  }

  async release(): Promise<void> {
    await rm(this.file("lock"), { force: true });
  }
}

/** A lock names its process; that of a process that is gone, after SIGKILL for instance, is taken over. */
async function lock(file: string, folder: string): Promise<void> {
  for (;;) {
    try {
      const handle = await open(file, "wx");
      await handle.writeFile(JSON.stringify({ process: process.pid, host: hostname() }));
      await handle.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        throw new RunError(`${file} can't be written: ${systemReason(error)}`, { cause: error });
      }
    }
    const owner = await readOwner(file);
    if (owner && isAlive(owner)) {
      throw new RunError(
        `${folder}: process ${owner.process} on ${owner.host} is at work in this folder; wait for it, stop it, or name another ` +
          `folder with --out. If it is no run of slimsr, remove ${file}`,
      );
    }
    await rm(file, { force: true });
  }
}

interface Owner {
  process: number;
  host: string;
}

async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    const owner = JSON.parse(await readFile(file, "utf8")) as Partial<Owner>;
    return typeof owner.process === "number" && typeof owner.host === "string" ? (owner as Owner) : undefined;
  } catch {
    return undefined;
  }
}

/** A process on another machine counts as alive: it can't be asked. */
function isAlive({ process: id, host }: Owner): boolean {
  if (host !== hostname()) return true;
  if (id === process.pid) return false;
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
