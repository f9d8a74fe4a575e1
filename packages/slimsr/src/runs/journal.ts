import { appendFile, readFile } from "node:fs/promises";
import { RunError } from "@slimsr/core/internal/errors.js";
import * as z from "zod";
import { toJson } from "../files/json.js";
import { systemReason } from "../files/system-reason.js";
import type { RunFolder } from "./folder.js";
import { parseJson, psnrSchema } from "./json-file.js";

const count = z.int().min(0);

const stepLine = z.object({
  kind: z.literal("step"),
  step: count,
  learningRate: z.number(),
  losses: z.record(z.string(), z.union([z.number(), z.array(z.number()).readonly()])).readonly(),
  /** Seconds that the step took. */
  seconds: z.number(),
});

const validationLine = z.object({
  kind: z.literal("validation"),
  step: count,
  /** Seconds of training so far. */
  seconds: z.number(),
  networks: z.array(z.object({ label: z.string(), width: z.number(), psnr: psnrSchema, ssim: z.number() })),
});

const journalLine = z.discriminatedUnion("kind", [stepLine, validationLine]);

/** A training step, as a line of metrics.jsonl. */
export type StepLine = Readonly<z.infer<typeof stepLine>>;

/** A validation: PSNR and SSIM of each network, by its label. */
export type ValidationLine = Readonly<z.infer<typeof validationLine>>;

export type JournalLine = StepLine | ValidationLine;

const FILE = "metrics.jsonl";

/** A run's metrics.jsonl: one JSON object a line, in the order of the steps. */
export class Journal {
  #pending = "";

  private constructor(private readonly folder: RunFolder) {}

  /** Takes the journal up at a step: later lines, of work that was lost, and a torn last line are dropped. */
  static async resume(folder: RunFolder, step: number): Promise<Journal> {
    const kept = (await readJournal(folder)).filter((line) => line.step <= step);
    await folder.write(FILE, kept.map((line) => `${toJson(line)}\n`).join(""));
    return new Journal(folder);
  }

  add(line: JournalLine): void {
    this.#pending += `${toJson(line)}\n`;
  }

  /** @throws RunError where the lines can't be written, as on a full disk */
  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = "";
    try {
      if (text !== "") await appendFile(this.folder.file(FILE), text);
    } catch (error) {
      throw new RunError(
        `${this.folder.file(FILE)} can't be written: ${systemReason(error)}; make room and resume the run`,
      );
    }
  }
}

/** All whole lines, what is none left out; none where there is no journal yet. */
export async function readJournal(folder: Pick<RunFolder, "file">): Promise<JournalLine[]> {
  const text = await readFile(folder.file(FILE), "utf8").catch(() => "");
  return text.split("\n").flatMap((line): JournalLine[] => {
    const { data } = journalLine.safeParse(parseJson(line));
    return data ? [data] : [];
  });
}
