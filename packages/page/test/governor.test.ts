import { describe, expect, it } from "vitest";
import { FrameRateGovernor, type Rung, rungsOf } from "../src/live/governor.js";

const COSTS = new Map([1, 0.5, 0.25].map((quality) => [quality, { parameters: 1, macs: quality ** 2 }] as const));

/** Where a device ends that takes `full` milliseconds for a frame at the best quality. */
function settled(full: number, frames = 400): Rung {
  const governor = new FrameRateGovernor(rungsOf([1, 0.5, 0.25]), COSTS, 100);
  for (let i = 0; i < frames; i++) {
    const { quality, reduction } = governor.rung;
    governor.record((full * quality ** 2) / reduction ** 2);
  }
  return governor.rung;
}

describe("live quality", () => {
  it.each([
    [50, { quality: 1, reduction: 1 }],
    [300, { quality: 0.5, reduction: 1 }],
    [1200, { quality: 0.25, reduction: 1 }],
    [4000, { quality: 0.25, reduction: 2 }],
    [1e6, { quality: 0.25, reduction: 4 }],
  ])("is the best that holds the rate where a frame takes %d ms", (full, rung) => {
    expect(settled(full)).toEqual(rung);
  });

  it("falls when frames come to take longer", () => {
    const governor = new FrameRateGovernor(rungsOf([1, 0.5, 0.25]), COSTS, 100);
    for (let i = 0; i < 40; i++) governor.record(1);
    expect(governor.rung.quality).toBe(1);
    for (let i = 0; i < 4; i++) governor.record(150);
    expect(governor.rung.quality).toBe(0.5);
  });
});
