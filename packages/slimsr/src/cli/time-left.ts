import { shortDuration } from "../text/numbers.js";

interface Point {
  readonly done: number;
  readonly at: number;
}

/** How long the rest of a piece of work takes at its speed so far. What was done when it was first heard of may have been done before, and says nothing. */
export class TimeLeft {
  #from: Point = { done: 0, at: performance.now() };
  #isFirst = true;

  /** "1m 05s"; "some time" before anything is done. */
  of(done: number, total: number): string {
    const now = { done, at: performance.now() };
    const { done: before, at } = this.#from;
    if (this.#isFirst && done > 0) {
      this.#from = now;
      this.#isFirst = false;
    }
    if (done <= before) return done < total ? "some time" : shortDuration(0);
    return shortDuration((((now.at - at) / 1000) * (total - done)) / (done - before));
  }
}
