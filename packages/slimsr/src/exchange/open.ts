import { alone, type Exchange } from "./exchange.js";
import { launcherIn } from "./launcher.js";

/**
 * The ranks that a launcher started this process with; one process where none did.
 * @throws ExchangeError where a launcher did, but koffi or its MPI isn't there: no process takes itself for the only one
 */
export async function openExchange(signal?: AbortSignal): Promise<Exchange> {
  const launcher = launcherIn(process.env);
  if (!launcher) return alone;
  const { MpiExchange } = await import("./mpi.js");
  const exchange = await MpiExchange.open(launcher, signal);
  if (exchange.size > 1) return exchange;
  await exchange.leave(false);
  return alone;
}
