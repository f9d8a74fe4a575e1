import { shortDuration } from "../text/numbers.js";

interface Point {
  readonly done: number;
  readonly at: number;
}

/** How long the rest of a piece of work takes at its speed so far. What was done when it was first heard of may have been done before, and says nothing. */
export class TimeLeft {
  readonly #begun: Point = { done: 0, at: performance.now() };
  #first: Point | undefined;

  /** "1m 05s"; "some time" before anything is done. */
  of(done: number, total: number): string {
    if (done === 0 && total > 0) return "some time";
    const now = { done, at: performance.now() };
    this.#first ??= now;
    const from = done > this.#first.done ? this.#first : this.#begun;
    return shortDuration(done === total ? 0 : (((now.at - from.at) / 1000) * (total - done)) / (done - from.done));
  }
}
