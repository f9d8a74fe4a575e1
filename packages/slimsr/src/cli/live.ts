import { SingleBar } from "cli-progress";
import type { EvaluationRow } from "../evaluation/evaluate.js";
import type { StepReport } from "../runs/training-loop.js";
import { shortDuration } from "../text/numbers.js";
import { inLine } from "../text/visible.js";
import { BAR } from "./terminal.js";

/**
 * Training as it goes, on standard error: one live line on a terminal, else a plain line every few seconds. Speeds are means over
 * the last steps, so that ETA follows the machine's load.
 */
export class LiveTraining {
  readonly #bar = new SingleBar({
    format: "step {value}/{total} [{bar}] {time} left | {losses} | lr {rate} | {speed} steps/s{validation}",
    notTTYSchedule: 10_000,
    ...BAR,
    barsize: 16,
    fps: 4,
  });
  #started = false;
  #secondsPerStep: number | undefined;
  #validation = "";

  step({ step, steps, losses, learningRate, seconds }: StepReport): void {
    this.#secondsPerStep = this.#secondsPerStep === undefined ? seconds : 0.95 * this.#secondsPerStep + 0.05 * seconds;
    const shown = {
      losses: Object.entries(losses)
        .filter(([name, value]) => typeof value === "number" && name !== "gradient_norm")
        .map(([name, value]) => `${name} ${(value as number).toPrecision(4)}`)
        .join(" "),
      rate: learningRate.toExponential(2),
      speed: (1 / this.#secondsPerStep).toFixed(1),
      time: shortDuration((steps - step) * this.#secondsPerStep),
      validation: this.#validation,
    };
    if (!this.#started) this.#bar.start(steps, step, shown);
    this.#started = true;
    this.#bar.update(step, shown);
  }

  /** A validation before the first step has a line of its own: minutes may pass until that step. */
  validated(rows: readonly EvaluationRow[], step: number): void {
    const values = `val ${rows.map(({ model, psnr }) => `${inLine(model)} ${psnr.toFixed(3)} dB`).join(", ")}`;
    if (!this.#started) process.stderr.write(`step ${step} | ${values}\n`);
    this.#validation = ` | ${values}`;
  }

  stop(): void {
    if (this.#started) this.#bar.stop();
  }
}
