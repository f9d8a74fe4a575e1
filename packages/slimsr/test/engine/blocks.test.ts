import { expect, it } from "vitest";
import { blockSize } from "../../src/engine/blocks.js";

it("the blocked layout's blocks hold as many channels as the processor's registers", async () => {
  const size = await blockSize();
  expect([1, 4, 8, 16]).toContain(size);
  expect(size > 1).toBe(process.arch === "x64");
  expect(blockSize()).toBe(blockSize());
});
