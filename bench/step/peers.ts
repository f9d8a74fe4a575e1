import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

/** A process that runs one step per line of its input, and its answers. */
export class Peer {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[]) {
    this.#process = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async ready(): Promise<void> {
    const line = await this.#line();
    if (line !== "ready") throw new Error(`the peer said ${line} before it was ready`);
  }

  /** Milliseconds of one step. */
  async step(): Promise<number> {
    return Number(await this.ask(""));
  }

  /** Its answer to a line. */
  ask(line: string): Promise<string> {
    this.#process.stdin.write(`${line}\n`);
    return this.#line();
  }

  /** Ends the process; yields its peak memory in bytes. */
  async finish(): Promise<number> {
    this.#process.stdin.end();
    return Number(await this.#line());
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("a peer ended before its time; its own message stands above");
    return value;
  }
}

const beside = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const PYTHON = "/usr/bin/python3";

export const ourPeer = (name: string, ...more: string[]): Peer =>
  new Peer(process.execPath, ["--import", "tsx", beside("ours.ts"), name, ...more]);

export const torchPeer = (configuration: unknown): Peer =>
  new Peer(PYTHON, [beside("peer.py"), JSON.stringify(configuration)]);
