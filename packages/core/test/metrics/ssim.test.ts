import { describe, expect, it } from "vitest";
import { noise, photograph } from "../../../../test/support/photographs.js";
import { DatasetError } from "../../src/errors.js";
import { resizeBicubic } from "../../src/images/bicubic.js";
import { lumaPlane } from "../../src/images/colour.js";
import { cropToMultiple, type Image, imageOf } from "../../src/images/image.js";
import { ssim } from "../../src/metrics/ssim.js";

/** The definition, with every window's weighted variances taken about its means. */
function ssimByDefinition(output: Image, truth: Image): number {
  const [a, b] = [lumaPlane(output), lumaPlane(truth)];
  const { width, height } = output;
  const weights: [number, number, number][] = [];
  for (let y = -5; y <= 5; y++) for (let x = -5; x <= 5; x++) weights.push([x, y, Math.exp(-(x * x + y * y) / 4.5)]);
  const total = weights.reduce((sum, [, , w]) => sum + w, 0);
  let sum = 0;
  for (let cy = 5; cy < height - 5; cy++) {
    for (let cx = 5; cx < width - 5; cx++) {
      const average = (f: (a: number, b: number) => number) =>
        weights.reduce((s, [x, y, w]) => {
          const at = (cy + y) * width + cx + x;
          return s + (w / total) * f(a[at] as number, b[at] as number);
        }, 0);
      const ma = average((a) => a);
      const mb = average((_, b) => b);
      const va = average((a) => (a - ma) ** 2);
      const vb = average((_, b) => (b - mb) ** 2);
      const cov = average((a, b) => (a - ma) * (b - mb));
      sum += ((2 * ma * mb + 6.5025) * (2 * cov + 58.5225)) / ((ma * ma + mb * mb + 6.5025) * (va + vb + 58.5225));
    }
  }
  return sum / ((width - 10) * (height - 10));
}

describe("SSIM", () => {
  it("agrees with the definition", async () => {
    const hr = cropToMultiple(await photograph("05"), 3);
    const sr = resizeBicubic(resizeBicubic(hr, 1 / 3), 3);
    expect(ssim(sr, hr)).toBeCloseTo(ssimByDefinition(sr, hr), 9);
    expect(ssim(noise(30, 20, 3, 8), noise(30, 20, 3, 8, 5))).toBeCloseTo(
      ssimByDefinition(noise(30, 20, 3, 8), noise(30, 20, 3, 8, 5)),
      9,
    );
  });

  it("is 1 for identical images, and less for others", async () => {
    const image = await photograph("05");
    expect(ssim(image, image)).toBeCloseTo(1, 12);
    const flat = imageOf(101, 75, 3, new Uint8Array(101 * 75 * 3).fill(128));
    expect(ssim(flat, image)).toBeLessThan(0.7);
  });

  it("leaves out the border", () => {
    const a = noise(20, 20, 1, 8);
    const data = new Uint8Array(a.data);
    data.fill(0, 0, 20);
    expect(ssim(a, imageOf(20, 20, 1, data))).toBeLessThan(0.9999);
    expect(ssim(a, imageOf(20, 20, 1, data), { border: 1 })).toBeCloseTo(1, 12);
  });

  it("refuses different sizes and images without room for a window", () => {
    expect(() => ssim(noise(20, 20, 1, 8), noise(20, 21, 1, 8))).toThrow(DatasetError);
    expect(() => ssim(noise(12, 30, 1, 8), noise(12, 30, 1, 8), { border: 1 })).toThrow("at least 11×11");
  });
});
