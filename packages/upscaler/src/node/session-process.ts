import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import type { Request, Response } from "../engine/protocol.js";
import type { Farewell } from "./process-session.js";
import type { Source } from "./session.js";
import type { Addressed } from "./session-threads.js";
import { newTurns } from "./turns.js";

/**
 * A process around a session's thread. The engine may hold its thread for ever; this one passes messages on meanwhile, watches
 * the memory and ends the process with the one that started it.
 */
const memory = Number(process.argv[2]);
const WATCH_MILLISECONDS = 50;

const worker = new Worker(createRequire(import.meta.url).resolve("#session-worker"), {
  execArgv: [],
  workerData: newTurns(),
});
const end = () => process.kill(process.pid, "SIGKILL");
const farewell = (reason: string) => process.send?.({ kind: "ends", reason } satisfies Farewell, end);

process.on("message", (message: Request<Source>) => {
  worker.postMessage({ session: 0, message } satisfies Addressed<typeof message>);
});
worker.on("message", ({ message }: Addressed<Response>) => process.send?.(message));
worker.on("error", ({ message }) => farewell(`the engine's thread failed: ${message}`));
process.on("disconnect", end);
// The process that started this one decides what an interruption ends.
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined);

const watch = setInterval(() => {
  if (process.memoryUsage.rss() < memory) return;
  clearInterval(watch);
  farewell(`the model takes more than ${(memory / 2 ** 30).toFixed(1)} GiB of memory`);
}, WATCH_MILLISECONDS);
