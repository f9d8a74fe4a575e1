import { join } from "node:path";
import * as z from "zod";
import { SlimsrError } from "../../packages/core/src/errors.js";
import { writeAtomic } from "../../packages/slimsr/src/files/atomic.js";
import { toJson } from "../../packages/slimsr/src/files/json.js";
import { isInterruption } from "../../packages/slimsr/src/runs/interruption.js";
import { psnrSchema, readJsonFile } from "../../packages/slimsr/src/runs/json-file.js";
import type { Entry } from "./entry.js";

const figure = z.number().nullable();

/** A network on a set: dB, parameters, multiply-accumulates for a 1280×720 output, milliseconds an image. */
const measured = z.object({ set: z.string(), psnr: psnrSchema, parameters: figure, macs: figure, ms: figure });

const schemas = {
  /** Channels that stay, and why. */
  described: z.object({ pins: z.array(z.object({ reason: z.string(), channels: z.number() })) }),
  /** On each set; `baseline` is bicubic interpolation's, or the input's. */
  evaluated: z.array(measured.extend({ expected: z.number().exactOptional(), baseline: z.number() })),
  /** Largest differences to what PyTorch made, as shares of the range. */
  golden: z.array(z.object({ tensor: z.string(), difference: z.number() })),
  slimmed: measured.extend({ seconds: z.number() }),
  trained: measured.extend({
    seconds: z.number(),
    /** Milliseconds an image of the whole network, in turn with the student's. */
    whole: figure,
    /** Of the exported student to the network in training, as a share of the range. */
    difference: z.number(),
    /** Images that the exported student was opened at. */
    sizes: z.array(z.object({ height: z.number(), width: z.number(), problem: z.string().exactOptional() })),
  }),
};

type Kind = keyof typeof schemas;
export type Result<K extends Kind> = Readonly<z.infer<(typeof schemas)[K]>>;
export type Measured = Readonly<z.infer<typeof measured>>;

/** What came of a piece of work: its result, or what went wrong. */
export type Outcome<T = unknown> = { result: T } | { error: string };

const outcome = <T extends z.ZodType>(result: T) => z.union([z.object({ result }), z.object({ error: z.string() })]);

/** All that is known of a network, by what was done: students by what they are, such as "width 0.5". */
const recordSchema = z.object({
  ...{ name: z.string(), digest: z.string(), architecture: z.string(), source: z.string(), licence: z.string() },
  task: z.enum(["sr", "denoise", "dehaze"]),
  ...{ machine: z.string(), date: z.string() },
  described: outcome(schemas.described).exactOptional(),
  evaluated: outcome(schemas.evaluated).exactOptional(),
  golden: outcome(schemas.golden).exactOptional(),
  slimmed: z.record(z.string(), outcome(schemas.slimmed)),
  trained: z.record(z.string(), outcome(schemas.trained)),
});

export type NetworkRecord = z.infer<typeof recordSchema>;

/** A network's record in a folder: each result is written as soon as it is there, and found again. */
export class Records {
  private constructor(
    readonly file: string,
    readonly record: NetworkRecord,
  ) {}

  /** @param again whether all is measured anew @throws RunError where the file is damaged */
  static async open(folder: string, entry: Entry, machine: string, again: boolean): Promise<Records> {
    const file = join(folder, `${entry.name}.json`);
    const { architecture, source, licence, task } = entry.about;
    const about = { architecture, source, licence, task };
    const fresh: NetworkRecord = {
      ...{ name: entry.name, digest: entry.digest, ...about, machine, date: today(), slimmed: {}, trained: {} },
    };
    const known = again ? undefined : await readJsonFile(file, recordSchema, "remove it: it is measured anew");
    const isSame = known?.digest === entry.digest && known.machine === machine;
    return new Records(file, isSame ? { ...known, ...about } : fresh);
  }

  /** Does a piece of work unless its result is known; what goes wrong with it is kept, and tried again in the next call. */
  async once<K extends "described" | "evaluated" | "golden">(kind: K, work: () => Promise<Result<K>>): Promise<void> {
    const known = this.record[kind];
    if (known && "result" in known) return;
    this.record[kind] = (await attempt(work)) as NetworkRecord[K];
    await this.#write();
  }

  /** The same for a student. */
  async student<K extends "slimmed" | "trained">(
    kind: K,
    label: string,
    work: () => Promise<Result<K>>,
  ): Promise<void> {
    const known = this.record[kind][label];
    if (known && "result" in known) return;
    this.record[kind][label] = (await attempt(work)) as NetworkRecord[K][string];
    await this.#write();
  }

  async #write(): Promise<void> {
    this.record.date = today();
    await writeAtomic(this.file, `${toJson(this.record, 2)}\n`);
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { result: await work() };
  } catch (error) {
    if (isInterruption(error)) throw error;
    if (error instanceof SlimsrError) return { error: error.message };
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

const today = (): string => new Date().toISOString().slice(0, 10);
