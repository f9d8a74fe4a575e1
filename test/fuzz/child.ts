/** Reads mutated files one after another, telling which is next: a process that ends or hangs shows which one it was. */
import { attempt, mostMemory, type Outcome } from "./attempt.js";
import { FORMATS } from "./formats.js";

export interface Order {
  readonly format: string;
  readonly seed: number;
  /** Index of the first mutation, and of the one behind the last. */
  readonly from: number;
  readonly to: number;
}

export type Report = { readonly begun: number } | { readonly index: number; readonly outcome: Outcome };

const tell = (report: Report): Promise<void> => new Promise((told) => process.send?.(report, () => told()));

process.once("message", async ({ format, seed, from, to }: Order) => {
  const make = FORMATS[format];
  if (!make) throw new Error(`there is no format ${format}`);
  const target = await make();
  const before = mostMemory();
  for (let index = from; index < to; index++) {
    await tell({ begun: index });
    await tell({ index, outcome: await attempt(target, seed, index, before) });
  }
  process.disconnect();
});
