import { SingleBar } from "cli-progress";
import { shortDuration } from "../text/numbers.js";
import type { BatchProgress } from "../upscaling/batch.js";
import { unguarded } from "./terminal.js";

/** A batch as it goes, on standard error: one live line on a terminal, else a line every few seconds. Time left is by pixels. */
export class LiveBatch {
  readonly #bar = new SingleBar({
    format: "upscale [{bar}] {files}/{of} {unit}, {megapixels} megapixels, {time} left",
    stream: unguarded,
    noTTYOutput: true,
    notTTYSchedule: 5000,
    hideCursor: true,
    gracefulExit: false,
    fps: 4,
  });
  readonly #begun = performance.now();
  #isStarted = false;

  /** @param files of the batch @param pixels that go into it */
  constructor(
    private readonly files: number,
    private readonly pixels: number,
  ) {}

  update({ files, pixels }: BatchProgress): void {
    const seconds = (performance.now() - this.#begun) / 1000;
    const left = pixels > 0 ? shortDuration((seconds * (this.pixels - pixels)) / pixels) : "some time";
    const inMillions = (value: number) => (value / 1e6).toFixed(1);
    const shown = {
      ...{ files, of: this.files, unit: this.files === 1 ? "file" : "files", time: left },
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
