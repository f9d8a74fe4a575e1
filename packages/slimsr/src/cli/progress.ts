import { SingleBar } from "cli-progress";
import { inLine } from "../text/visible.js";
import { unguarded } from "./terminal.js";

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
    format: `${inLine(label)} [{bar}] {value}/{total} ${unit}, {eta_formatted} left`,
    stream: unguarded,
    noTTYOutput: true,
    notTTYSchedule: 5000,
    hideCursor: true,
    gracefulExit: false,
  });
  let started = false;
  try {
    return await work((done, total) => {
      if (!started) bar.start(total, 0);
      started = true;
      bar.update(done);
    });
  } finally {
    if (started) bar.stop();
  }
}
