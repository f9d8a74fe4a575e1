import { appendFile, readFile } from "node:fs/promises";
import { RunError } from "@slimsr/core/internal/errors.js";
import { fromJson, toJson } from "../files/json.js";
import { systemReason } from "../files/system-reason.js";
import type { StepLosses } from "../training/trainer.js";
import type { RunFolder } from "./folder.js";

/** A training step, as a line of metrics.jsonl. */
export interface StepLine {
  readonly kind: "step";
  readonly step: number;
  readonly learningRate: number;
  readonly losses: StepLosses;
  /** Seconds that the step took. */
  readonly seconds: number;
}

/** A validation: PSNR and SSIM of each network, by its label. */
export interface ValidationLine {
  readonly kind: "validation";
  readonly step: number;
  /** Seconds of training so far. */
  readonly seconds: number;
  readonly networks: readonly { label: string; width: number; psnr: number; ssim: number }[];
}

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

/** All whole lines; none where there is no journal yet. */
export async function readJournal(folder: RunFolder): Promise<JournalLine[]> {
  const text = await readFile(folder.file(FILE), "utf8").catch(() => "");
  return text.split("\n").flatMap((line): JournalLine[] => {
    try {
      return [fromJson(line) as JournalLine];
    } catch {
      return [];
    }
  });
}
