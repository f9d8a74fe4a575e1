import { describe, expect, it } from "vitest";
import { deinterleave, interleave } from "../../src/images/interleave.js";

/** Two pixels: red, green, blue. */
const PLANES = [1.5, 2.4999, Number.NaN, 300, -7, 254.5];

describe("planes and samples", () => {
  it.each([Float32Array, Float64Array])("become pixels, rounded half away from zero and clipped (%o)", (Planes) => {
    const pixels = new Uint8Array(6);
    interleave(Planes.from(PLANES), pixels, 3, 255);
    expect([...pixels]).toEqual([2, 0, 0, 2, 255, 255]);
  });

  it("of 16 bits are in their range", () => {
    const pixels = new Uint16Array(6);
    interleave(Float32Array.from(PLANES), pixels, 3, 65535);
    expect([...pixels]).toEqual([386, 0, 0, 642, 65535, 65407]);
  });

  it("leave alpha as it is, beside colours and beside grey", () => {
    const colours = new Uint8ClampedArray(8).fill(9);
    interleave(Float32Array.from(PLANES), colours, 4, 255);
    expect([...colours]).toEqual([2, 0, 0, 9, 2, 255, 255, 9]);
    const grey = new Uint8Array(4).fill(9);
    interleave(Float32Array.of(3, 4), grey, 2, 255);
    expect([...grey]).toEqual([3, 9, 4, 9]);
  });

  it.each([
    { channels: 1, planes: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120] },
    { channels: 2, planes: [10, 30, 50, 70, 90, 110] },
    { channels: 3, planes: [10, 40, 70, 100, 20, 50, 80, 110, 30, 60, 90, 120] },
    { channels: 4, planes: [10, 50, 90, 20, 60, 100, 30, 70, 110] },
  ])("of $channels channels come apart", ({ channels, planes }) => {
    const samples = Uint8Array.from({ length: 12 }, (_, i) => 10 * (i + 1));
    const target = new Float32Array(2 + planes.length);
    deinterleave(samples, channels, 255, target, 2);
    expect([...target]).toEqual([0, 0, ...planes]);
    const wide = new Float32Array(planes.length);
    deinterleave(Float32Array.from(samples), channels, 1, wide);
    expect([...wide]).toEqual([...Float32Array.from(planes, (value) => value * 255)]);
  });
});
