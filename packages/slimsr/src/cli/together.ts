import { SlimsrError, UsageError } from "@slimsr/core/internal/errors.js";
import { shareCores } from "@slimsr/upscaler/internal/node/threads.js";
import type { Exchange } from "../exchange/exchange.js";
import { launcherIn } from "../exchange/launcher.js";
import { openExchange } from "../exchange/open.js";
import { message } from "../text/visible.js";
import { interruptible } from "./interrupt.js";

/** Commands whose work the ranks of an MPI job share out. */
const SHARED: readonly string[] = ["ablate", "compress", "slim", "train"];

/** @throws UsageError for a command that MPI's launcher started several times, each of which would do all of the work */
export function refuseCopies(command: string): void {
  const launcher = launcherIn(process.env);
  if (!launcher || SHARED.includes(command)) return;
  throw new UsageError(
    `${launcher.name} started several processes, but slimsr ${command} is done by one, and each would do all of it: start it without ${launcher.name}. ${SHARED.join(", ")} share their work out over MPI; evaluate, prepare and upscale take --shard, in jobs by themselves`,
  );
}

/**
 * Work of all ranks that were started together, or of this process alone, which a signal interrupts. What fails on one ends all; what fails on all alike
 * the first one tells.
 */
export async function together(work: (exchange: Exchange, signal: AbortSignal) => Promise<void>): Promise<void> {
  await interruptible(async (signal) => {
    const exchange = await openExchange(signal);
    if (exchange.size === 1) return work(exchange, signal);
    shareCores(exchange.threads);
    try {
      await work(exchange, signal);
      await exchange.leave(false);
    } catch (error) {
      await end(exchange, error);
    }
  });
}

/**
 * After Ctrl-C, mpirun of MPICH up to 4.0 takes the exit codes of ranks that end with its last output for 0, and looks for others when a rank writes:
 * the first one tells what went wrong when the others have ended.
 */
async function end(exchange: Exchange, error: unknown): Promise<void> {
  const isFirst = exchange.rank === 0;
  const farewell = await exchange.leave(true).finally(() => isFirst && tell("", error));
  if (!isFirst && farewell !== "failed alike") tell(`${exchange.name}: `, error);
  const code = error instanceof SlimsrError ? error.exitCode : 1;
  if (farewell === "others go on") exchange.abort(code);
  process.exitCode = code;
}

function tell(who: string, error: unknown): void {
  const text = error instanceof SlimsrError ? message(error.message) : String((error as Error)?.stack ?? error);
  process.stderr.write(`slimsr: ${who}${text}\n`);
}
