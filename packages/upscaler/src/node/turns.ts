/** Whose turn it is, among threads that share it: 0 while nobody works. */
export type Turns = Int32Array<SharedArrayBuffer>;

export const newTurns = (): Turns => new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Does work while no other thread does any; this thread waits for its turn. */
export async function takeTurn<R>(turns: Turns, work: () => Promise<R>): Promise<R> {
  while (Atomics.compareExchange(turns, 0, 0, 1) !== 0) Atomics.wait(turns, 0, 1);
  try {
    return await work();
  } finally {
    Atomics.store(turns, 0, 0);
    Atomics.notify(turns, 0, 1);
  }
}
