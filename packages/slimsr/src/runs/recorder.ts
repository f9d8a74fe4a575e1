import { readFile } from "node:fs/promises";
import { RunError } from "@slimsr/core/internal/errors.js";
import { EventWriter } from "../events/writer.js";
import { systemReason } from "../files/system-reason.js";
import type { RunFolder } from "./folder.js";
import { Journal, type StepLine, type ValidationLine } from "./journal.js";

/** Steps between the events of losses; metrics.jsonl has every step. */
const EVENT_STEPS = 10;

/** A sample image of a validation. */
export interface Sample {
  readonly tag: string;
  readonly path: string;
  readonly width: number;
  readonly height: number;
}

/** Records a run's metrics as JSON lines and as TensorBoard events. */
export class Recorder {
  private constructor(
    private readonly folder: RunFolder,
    private readonly journal: Journal,
    private readonly events: EventWriter,
  ) {}

  /** @param step the steps that are taken; what was recorded of later ones, work that was lost, is dropped */
  static async open(folder: RunFolder, step: number): Promise<Recorder> {
    const journal = await Journal.resume(folder, step);
    const events = await EventWriter.open(folder.path, { step: step + 1 }).catch((error: unknown) => {
      throw unwritable(folder, error);
    });
    return new Recorder(folder, journal, events);
  }

  step(line: StepLine): void {
    this.journal.add(line);
    if (line.step % EVENT_STEPS !== 0) return;
    for (const [name, value] of Object.entries(line.losses)) {
      if (typeof value === "number") this.events.scalar(`train/${name}`, line.step, value);
    }
    this.events.scalar("train/learning_rate", line.step, line.learningRate);
  }

  async validation(line: ValidationLine, samples: readonly Sample[]): Promise<void> {
    this.journal.add(line);
    for (const { label, psnr, ssim } of line.networks) {
      this.events.scalar(`validation/psnr/${label}`, line.step, psnr);
      this.events.scalar(`validation/ssim/${label}`, line.step, ssim);
    }
    for (const { tag, path, width, height } of samples) {
      this.events.image(tag, line.step, await readFile(path), width, height);
    }
  }

  /** @throws RunError where a file can't be written, as on a full disk */
  async flush(): Promise<void> {
    await this.journal.flush();
    await this.events.flush().catch((error: unknown) => {
      throw unwritable(this.folder, error);
    });
  }

  async close(): Promise<void> {
    await this.events.close().catch((error: unknown) => {
      throw unwritable(this.folder, error);
    });
  }
}

const unwritable = ({ path }: RunFolder, error: unknown): RunError =>
  new RunError(`${path}: events can't be written: ${systemReason(error)}; make room and resume the run`, {
    cause: error,
  });
