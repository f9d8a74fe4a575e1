import { SingleBar } from "cli-progress";
import type { BatchProgress } from "../upscaling/batch.js";
import { BAR } from "./terminal.js";
import { TimeLeft } from "./time-left.js";

/** A batch as it goes, on standard error: one live line on a terminal, else a line every few seconds. Time left is by pixels. */
export class LiveBatch {
  readonly #bar = new SingleBar({
    format: "upscale [{bar}] {files}/{of} {unit}, {megapixels} megapixels, {time} left",
    notTTYSchedule: 5000,
    ...BAR,
    fps: 4,
  });
  readonly #left = new TimeLeft();
  #isStarted = false;

  /** @param files of the batch @param pixels that go into it */
  constructor(
    private readonly files: number,
    private readonly pixels: number,
  ) {}

  update({ files, pixels }: BatchProgress): void {
    const inMillions = (value: number) => (value / 1e6).toFixed(1);
    const shown = {
      ...{ files, of: this.files, unit: this.files === 1 ? "file" : "files", time: this.#left.of(pixels, this.pixels) },
      megapixels: `${inMillions(pixels)}/${inMillions(this.pixels)}`,
    };
    if (!this.#isStarted) this.#bar.start(Math.max(1, this.pixels), 0, shown);
    this.#isStarted = true;
    this.#bar.update(pixels, shown);
  }

  stop(): void {
    if (this.#isStarted) this.#bar.stop();
  }
}
