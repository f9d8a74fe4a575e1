import { type FileHandle, open, readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { makeFolder } from "../files/folders.js";
import { imageEvent, scalarEvent, startEvent, versionEvent } from "./message.js";
import { encodeRecord } from "./record.js";

const NAME = /^events\.out\.tfevents\.(\d+)\./;

/** Seconds since 1970. */
const now = (): number => Date.now() / 1000;

/**
 * Writes scalars and images for TensorBoard: a file `events.out.tfevents.TIME.HOST` of its own each time it is opened, only ever
 * appended to, in whole records. TensorBoard reads a folder's files by name and skips a torn last record.
 */
export class EventWriter {
  #pending: Uint8Array[] = [];
  #length = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /**
   * @param folder is made if it isn't there
   * @param options.step the first step to come: what earlier files of the folder hold of it and later ones no longer counts, as
   *   that work was lost. Of a run resumed after n steps, n + 1
   * @throws the file system's error where the file can't be made or written
   */
  static async open(folder: string, { step }: { step: number }): Promise<EventWriter> {
    await makeFolder(folder);
    const { path, file } = await createFile(folder);
    const writer = new EventWriter(path, file);
    const wallTime = now();
    writer.#add(versionEvent(wallTime));
    writer.#add(startEvent({ wallTime, step }));
    try {
      await writer.flush();
    } catch (error) {
      await file.close();
      throw error;
    }
    return writer;
  }

  /** @param wallTime seconds since 1970 */
  scalar(tag: string, step: number, value: number, wallTime = now()): void {
    this.#add(scalarEvent({ wallTime, step }, tag, value));
  }

  /** @param png an encoded image of width × height pixels */
  image(tag: string, step: number, png: Uint8Array, width: number, height: number, wallTime = now()): void {
    this.#add(imageEvent({ wallTime, step }, tag, png, width, height));
  }

  /**
   * Appends what was added since the last time.
   * @throws the file system's error, as on a full disk: the file is then as it was, and the next call tries again
   */
  flush(): Promise<void> {
    const writing = this.#writing.then(() => this.#append());
    this.#writing = writing.catch(() => undefined);
    return writing;
  }

  /** @throws as `flush`; the file is closed all the same */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.file.close();
    }
  }

  #add(event: Uint8Array): void {
    this.#pending.push(encodeRecord(event));
  }

  async #append(): Promise<void> {
    const records = this.#pending;
    if (records.length === 0) return;
    this.#pending = [];
    const bytes = Buffer.concat(records);
    try {
      await this.file.appendFile(bytes);
      this.#length += bytes.length;
    } catch (error) {
      this.#pending.unshift(...records);
      await this.file.truncate(this.#length).catch(() => undefined);
      throw error;
    }
  }
}

/** A new file whose name comes after those of all that are there, whatever the clock says. */
async function createFile(folder: string): Promise<{ path: string; file: FileHandle }> {
  const host = hostname().replace(/[^\w.-]/g, "_");
  const times = (await readdir(folder)).map((name) => Number(NAME.exec(name)?.[1] ?? 0));
  for (let time = Math.max(Math.floor(now()), ...times.map((earlier) => earlier + 1)); ; time++) {
    const path = join(folder, `events.out.tfevents.${String(time).padStart(10, "0")}.${host}`);
    try {
      return { path, file: await open(path, "ax") };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
  }
}
