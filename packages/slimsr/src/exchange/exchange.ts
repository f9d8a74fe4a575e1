import { fromJson, toJson } from "../files/json.js";

/** Numbers that ranks add or hand on. */
export type Numbers = Float32Array | Float64Array;

/** How ranks part: all have ended, all have failed, which one need tell of, or others go on and wait for this one. */
export type Farewell = "ended" | "failed alike" | "others go on";

/** Processes that do one piece of work together: each has a rank from 0, and what one calls all call, in the same order. */
export interface Exchange {
  readonly rank: number;
  /** Ranks. */
  readonly size: number;
  /** Whether this is the first of the ranks on its machine. */
  readonly isFirstHere: boolean;
  /** Threads of an engine that has this rank's share of its machine's cores; undefined where it has them all. */
  readonly threads: number | undefined;
  /** What an error calls this rank: "rank 2 on node17". */
  readonly name: string;
  /**
   * Puts each number's sum over all ranks in its place, the same bytes on every rank.
   * @param patience seconds that other ranks may be late
   * @throws ExchangeError where one doesn't come; InterruptedError where one doesn't and the work is to end
   */
  sum(numbers: Numbers, patience?: number): Promise<void>;
  /** Puts the first rank's bytes in their place. @throws as `sum`, but other ranks may be as late as they like */
  broadcast(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Waits until all ranks are here, however late. @throws as `broadcast` */
  barrier(): Promise<void>;
  /**
   * Ends the exchange, once all ranks do; where they failed the first rank, once the others' processes on its machine have ended.
   * @param failed whether this rank's work did
   */
  leave(failed: boolean): Promise<Farewell>;
  /** Ends all ranks at once with an exit code. */
  abort(code: number): never;
}

/** One process by itself. */
export const alone: Exchange = {
  rank: 0,
  size: 1,
  isFirstHere: true,
  threads: undefined,
  name: "rank 0",
  sum: async () => undefined,
  broadcast: async () => undefined,
  barrier: async () => undefined,
  leave: async (failed) => (failed ? "failed alike" : "ended"),
  abort: (code) => process.exit(code),
};

/** Does a piece of work on the first rank, and yields what came of it, as JSON holds it, on all. */
export async function onFirst<T>(exchange: Exchange, work: () => Promise<T>): Promise<T> {
  if (exchange.size === 1) return work();
  const done = exchange.rank === 0 ? await work() : undefined;
  const bytes = exchange.rank === 0 ? new TextEncoder().encode(toJson({ done })) : new Uint8Array();
  const length = new Uint8Array(new Float64Array([bytes.length]).buffer);
  await exchange.broadcast(length);
  const text = exchange.rank === 0 ? bytes : new Uint8Array(new Float64Array(length.buffer)[0] as number);
  await exchange.broadcast(text);
  return exchange.rank === 0 ? (done as T) : (fromJson(new TextDecoder().decode(text)) as { done: T }).done;
}

/** Does a piece of work on every rank, but on each machine's first before the others, which find what that kept. */
export async function firstHereFirst<T>(exchange: Exchange, work: () => Promise<T>): Promise<T> {
  if (!exchange.isFirstHere) {
    await exchange.barrier();
    return work();
  }
  const done = await work();
  await exchange.barrier();
  return done;
}

/** The items that are a rank's own, of those that all ranks share out. */
export const ownOf = <T>(items: readonly T[], { rank, size }: Pick<Exchange, "rank" | "size">): T[] =>
  items.filter((_, i) => i % size === rank);
