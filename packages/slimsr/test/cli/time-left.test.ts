import { afterEach, expect, it, vi } from "vitest";
import { TimeLeft } from "../../src/cli/time-left.js";

afterEach(() => {
  vi.useRealTimers();
});

const after = (seconds: number): void => {
  vi.advanceTimersByTime(1000 * seconds);
};

it("the time left follows from the speed since work was first heard of", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const left = new TimeLeft();
  expect(left.of(0, 100)).toBe("some time");
  after(2);
  expect(left.of(1, 100)).toBe("3m 18s");
  after(4);
  // Of 2 s apiece, not of what came before the first.
  expect(left.of(3, 100)).toBe("3m 14s");
  after(194);
  expect(left.of(100, 100)).toBe("0s");
});

it("what had been done before doesn't make the rest faster", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const left = new TimeLeft();
  after(1);
  left.of(400, 490);
  after(10);
  expect(left.of(410, 490)).toBe("1m 20s");
});

it("nothing is left of what is done at once, or is nothing", () => {
  const left = new TimeLeft();
  expect(left.of(0, 0)).toBe("0s");
  expect(left.of(5, 5)).toBe("0s");
});
