import { createHash } from "node:crypto";

/**
 * Indices of the samples of a batch that are a step's negatives: distinct ones as far as they go. A function of its arguments
 * alone, so that training resumed at any step goes on as if never stopped.
 * @param index the micro-batch, counted over the whole training
 */
export function drawNegatives(seed: number, index: number, count: number, batch: number): number[] {
  const digest = (round: number) => createHash("sha256").update(`${seed}/${index}/negatives/${round}`).digest();
  const drawn: number[] = [];
  for (let round = 0; drawn.length < count; round++) {
    const order = Array.from({ length: batch }, (_, i) => i);
    const bytes = Buffer.concat(Array.from({ length: Math.ceil(batch / 8) }, (_, part) => digest(round * 1024 + part)));
    for (let i = batch - 1; i > 0; i--) {
      const other = Math.floor((bytes.readUInt32LE(i * 4) / 2 ** 32) * (i + 1));
      [order[i], order[other]] = [order[other] as number, order[i] as number];
    }
    drawn.push(...order.slice(0, count - drawn.length));
  }
  return drawn;
}
