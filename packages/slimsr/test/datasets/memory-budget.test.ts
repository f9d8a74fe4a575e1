import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { MemoryBudget } from "../../src/datasets/memory-budget.js";

describe("a budget of memory", () => {
  it("is never exceeded, is used, and lets everything through in order", async () => {
    const budget = new MemoryBudget(100);
    const begun: number[] = [];
    let [now, most] = [0, 0];
    const sizes = [60, 50, 40, 300, 10, 20, 30, 0];
    await Promise.all(
      sizes.map((size, i) =>
        budget.run(size, async () => {
          begun.push(i);
          now += Math.min(size, 100);
          most = Math.max(most, now);
          await sleep(5);
          now -= Math.min(size, 100);
        }),
      ),
    );
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(most).toBe(100);
    expect(now).toBe(0);
  });

  it("has room again after work that failed", async () => {
    const budget = new MemoryBudget(1);
    await expect(budget.run(1, () => Promise.reject(new Error("damaged")))).rejects.toThrow("damaged");
    expect(await budget.run(1, async () => "done")).toBe("done");
  });
});
