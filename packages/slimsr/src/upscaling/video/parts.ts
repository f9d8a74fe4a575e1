import { open, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { VideoError } from "@slimsr/core/internal/errors.js";
import * as z from "zod";
import { writeAtomic } from "../../files/atomic.js";
import { makeFolder } from "../../files/folders.js";
import { fromJson, toJson } from "../../files/json.js";
import { FileLock } from "../../files/lock.js";

/** What names the folder beside a video that isn't finished yet. */
export const PARTS = ".parts";

const partSchema = z.object({
  file: z.string(),
  bytes: z.int(),
  frames: z.int().min(1),
  /** Nanoseconds from the file's beginning to the part's first frame, and to the end of its last. */
  start: z.number(),
  end: z.number(),
});
const recordSchema = z.object({ of: z.record(z.string(), z.unknown()), parts: z.array(partSchema) });

/** Frames of a video that are compressed already. */
export type Part = z.infer<typeof partSchema>;

/** All that decides what is in a video's parts. */
export type Origin = Readonly<Record<string, unknown>>;

/**
 * The folder OUT.parts, in which a video that is being made has its finished parts. It is locked while somebody works on it. A part
 * counts once the record has it.
 */
export class PartsFolder {
  private constructor(
    readonly path: string,
    private readonly lock: FileLock,
    private readonly origin: Origin,
    private kept: readonly Part[],
  ) {}

  /**
   * Parts of the same origin are kept, others removed.
   * @param onStale told what about them is another
   * @throws VideoError where another process works on the video
   */
  static async open(output: string, origin: Origin, onStale: (what: string) => void): Promise<PartsFolder> {
    const path = `${output}${PARTS}`;
    await makeFolder(path);
    const lock = await FileLock.take(join(path, "lock"));
    if (!lock) throw new VideoError(`${output} is being made by another process, in ${path}; wait for it, or end it`);
    try {
      const found = await readRecord(path);
      const differing = found && Object.keys(origin).filter((key) => toJson(origin[key]) !== toJson(found.of[key]));
      if (differing && differing.length > 0 && found.parts.length > 0) onStale(differing.join(", "));
      const kept = differing?.length === 0 ? await wholeParts(path, found?.parts ?? []) : [];
      const folder = new PartsFolder(path, lock, origin, kept);
      await folder.#write();
      return folder;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  get parts(): readonly Part[] {
    return this.kept;
  }

  /** The path of the file that comes next. */
  nextFile(): string {
    return join(this.path, `${String(this.kept.length).padStart(6, "0")}.nut`);
  }

  /** Records the file that came next as finished, once it is on the disk. */
  async add({ frames, start, end }: Pick<Part, "frames" | "start" | "end">): Promise<void> {
    const path = this.nextFile();
    const file = await open(path, "r+");
    try {
      await file.sync();
      const { size: bytes } = await file.stat();
      const name = path.slice(this.path.length + 1);
      this.kept = [...this.kept, { file: name, bytes, frames, start, end }];
    } finally {
      await file.close();
    }
    await this.#write();
  }

  /** Lets go of the folder, whose parts stay. */
  async close(): Promise<void> {
    await this.lock.release();
  }

  /** Removes the folder. */
  async remove(): Promise<void> {
    await this.lock.release();
    await rm(this.path, { recursive: true, force: true });
  }

  async #write(): Promise<void> {
    await writeAtomic(join(this.path, "parts.json"), toJson({ of: this.origin, parts: this.kept }, 2));
  }
}

/** Undefined where there is none, or none that can be read: all is made anew then. */
async function readRecord(folder: string): Promise<z.infer<typeof recordSchema> | undefined> {
  const text = await readFile(join(folder, "parts.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return recordSchema.parse(fromJson(text));
  } catch {
    return undefined;
  }
}

/** Those up to the first that isn't as it was recorded. */
async function wholeParts(folder: string, parts: readonly Part[]): Promise<Part[]> {
  const whole: Part[] = [];
  for (const part of parts) {
    const found = await stat(join(folder, part.file)).catch(() => undefined);
    if (found?.size !== part.bytes) break;
    whole.push(part);
  }
  return whole;
}
