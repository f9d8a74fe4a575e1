import type { Cost } from "../messages/calls.js";

/** One way of enlarging frames. */
export interface Rung {
  readonly quality: number;
  /** What frames are reduced by before. */
  readonly reduction: number;
}

/** Frames that a rung is judged by, and the share of a frame's time that a better one may be foreseen to take. */
const [JUDGED, ROOM] = [4, 0.85];

/** Ways from the best: all qualities; then the least of them, of smaller frames. */
export const rungsOf = (qualities: readonly number[]): Rung[] => [
  ...qualities.map((quality) => ({ quality, reduction: 1 })),
  ...[2, 4].map((reduction) => ({ quality: qualities.at(-1) as number, reduction })),
];

/** Chooses the best way of enlarging frames that holds a rate: from the least up, as far as time allows. */
export class FrameRateGovernor {
  readonly #work: readonly number[];
  #at: number;
  #times: number[] = [];
  /** Frames until a better rung is tried again, after it has failed. */
  #patience = 0;
  #lastPatience = 8;

  /** @param milliseconds that a frame may take @param costs of the qualities, from the best */
  constructor(
    private readonly rungs: readonly Rung[],
    costs: ReadonlyMap<number, Cost>,
    private readonly milliseconds: number,
  ) {
    this.#at = rungs.length - 1;
    this.#work = rungs.map(({ quality, reduction }) => (costs.get(quality)?.macs ?? quality ** 2) / reduction ** 2);
  }

  get rung(): Rung {
    return this.rungs[this.#at] as Rung;
  }

  /** Takes note of what a frame took. The first one of a rung, which compiles it, is to be left out. */
  record(milliseconds: number): void {
    this.#times.push(milliseconds);
    this.#patience--;
    if (this.#times.length < JUDGED) return;
    const mean = this.#times.reduce((sum, time) => sum + time, 0) / this.#times.length;
    this.#times = [];
    if (mean > this.milliseconds && this.#at < this.rungs.length - 1) {
      this.#at++;
      this.#lastPatience *= 2;
      this.#patience = this.#lastPatience;
      return;
    }
    if (this.#at === 0 || this.#patience > 0) return;
    const foreseen = (mean * (this.#work[this.#at - 1] as number)) / (this.#work[this.#at] as number);
    if (foreseen <= ROOM * this.milliseconds) this.#at--;
  }
}
