import { describe, expect, it } from "vitest";
import { attempt, mostMemory } from "./attempt.js";
import { FORMATS } from "./formats.js";
import { mutated } from "./mutations.js";

/** A few seconds of what `npm run fuzz` does for hours. */
const COUNT = 300;

describe("mutated files", () => {
  it("are the same for the same seed, and leave those that they are made of as they are", async () => {
    const file = Buffer.from("0123456789".repeat(50));
    const all = () => Array.from({ length: 200 }, (_, index) => Buffer.from(mutated([file], 1, index)).toString("hex"));
    expect(all()).toEqual(all());
    expect(file.toString()).toBe("0123456789".repeat(50));
    expect(new Set(all()).size).toBeGreaterThan(190);
  });

  it.each(Object.keys(FORMATS))("are read or refused, fast and at little memory: %s", async (format) => {
    const target = await (FORMATS[format] as (typeof FORMATS)[string])();
    const before = mostMemory();
    const counts = { read: 0, refused: 0 };
    for (let index = 0; index < COUNT; index++) {
      const outcome = await attempt(target, 1, index, before);
      expect(outcome, `npm run fuzz -- --format ${format} --seed 1 --from ${index} --count 1`).toBeTypeOf("string");
      if (typeof outcome === "string") counts[outcome]++;
    }
    // Both happen, or nothing is tried.
    expect(counts.read).toBeGreaterThan(0);
    expect(counts.refused).toBeGreaterThan(COUNT / 10);
  });
});
