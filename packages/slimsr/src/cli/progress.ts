import { SingleBar } from "cli-progress";
import { inLine } from "../text/visible.js";
import { BAR } from "./terminal.js";
import { TimeLeft } from "./time-left.js";

export type OnProgress = (done: number, total: number) => void;

/**
 * Shows how far a piece of work is, with the time left, on standard error: a bar on a terminal, else a line every few
 * seconds.
 * @param unit what is counted, in the plural: "images"
 */
export async function withProgress<T>(
  label: string,
  unit: string,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  const bar = new SingleBar({
    format: `${inLine(label)} [{bar}] {value}/{total} ${unit}, {time} left`,
    notTTYSchedule: 5000,
    ...BAR,
  });
  const left = new TimeLeft();
  let started = false;
  try {
    return await work((done, total) => {
      const shown = { time: left.of(done, total) };
      if (!started) bar.start(total, done, shown);
      started = true;
      bar.update(done, shown);
    });
  } finally {
    if (started) bar.stop();
  }
}
