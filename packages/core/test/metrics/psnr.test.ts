import { describe, expect, it } from "vitest";
import { noise, photograph } from "../../../../test/support/photographs.js";
import { DatasetError } from "../../src/errors.js";
import { resizeBicubic } from "../../src/images/bicubic.js";
import { cropToMultiple, imageOf } from "../../src/images/image.js";
import { toRgb } from "../../src/images/planes.js";
import { psnr } from "../../src/metrics/psnr.js";

describe("PSNR", () => {
  it("of one level of difference everywhere is 20 log10 255, less for Y, whose range is 219", () => {
    const a = imageOf(4, 4, 3, new Uint8Array(48).fill(100));
    const b = imageOf(4, 4, 3, new Uint8Array(48).fill(101));
    expect(psnr(a, b, { colour: "rgb" })).toBeCloseTo(48.130804, 6);
    expect(psnr(a, b)).toBeCloseTo(20 * Math.log10((255 * 255) / 219), 6);
  });

  it("weighs red, green and blue as Y does", () => {
    const black = imageOf(1, 1, 3, Uint8Array.of(0, 0, 0));
    const green = imageOf(1, 1, 3, Uint8Array.of(0, 255, 0));
    expect(psnr(green, black)).toBeCloseTo(20 * Math.log10(255 / 128.553), 9);
    expect(psnr(green, black, { colour: "rgb" })).toBeCloseTo(10 * Math.log10(3), 9);
  });

  it("leaves out the border, which may differ", () => {
    const a = noise(9, 8, 3, 8);
    const changed = new Uint8Array(a.data);
    changed[0] = 255 - (changed[0] as number);
    const b = imageOf(9, 8, 3, changed);
    expect(psnr(a, b)).toBeLessThan(100);
    expect(psnr(a, b, { border: 1 })).toBe(Number.POSITIVE_INFINITY);
  });

  it("takes grey for RGB with equal channels", async () => {
    const grey = noise(16, 16, 1, 8);
    const other = noise(16, 16, 1, 8, 2);
    expect(psnr(other, grey)).toBe(psnr(toRgb(other), grey));
    expect(psnr(other, toRgb(grey))).toBe(psnr(toRgb(other), toRgb(grey)));
  });

  it("of identical images is Infinity", () => {
    const image = noise(4, 4, 3, 8);
    expect(psnr(image, image)).toBe(Number.POSITIVE_INFINITY);
  });

  it("of bicubic enlargement of a photograph is unchanged", async () => {
    const hr = cropToMultiple(await photograph("23"), 2);
    const sr = resizeBicubic(resizeBicubic(hr, 1 / 2), 2);
    expect(psnr(sr, hr, { border: 2 })).toBeCloseTo(30.3252, 4);
  });

  it("refuses images of different sizes, naming both, and borders that leave nothing", () => {
    expect(() => psnr(noise(8, 6, 3, 8), noise(8, 7, 3, 8))).toThrow(DatasetError);
    expect(() => psnr(noise(8, 6, 3, 8), noise(8, 7, 3, 8))).toThrow(/8×6 but the ground truth 8×7/);
    expect(() => psnr(noise(8, 6, 3, 8), noise(8, 6, 3, 8), { border: 3 })).toThrow(DatasetError);
  });
});
