import { describe, expect, it } from "vitest";
import { noise, photograph } from "../../../../test/support/photographs.js";
import { DatasetError } from "../../src/errors.js";
import { resizeBicubic } from "../../src/images/bicubic.js";
import { crop, type Image, imageOf } from "../../src/images/image.js";
import { gamma } from "../../src/metrics/gamma.js";
import { fitGeneralisedGaussian, meanOfProducts } from "../../src/metrics/generalised-gaussian.js";
import { niqe } from "../../src/metrics/niqe.js";

describe("NIQE", () => {
  // Made by this code when it gave 5.72957 for the benchmarks' baboon, which other implementations publish for it.
  it.each([
    ["19", 6.634964],
    ["23", 5.672824],
  ] as const)("of photograph %s is unchanged", async (number, expected) => {
    expect(niqe(await photograph(number))).toBeCloseTo(expected, 5);
  });

  it("is better for a photograph than for its noisy or blurred copy", async () => {
    const photo = await photograph("23");
    const grain = noise(240, 192, 3, 8);
    const noisy = new Uint8Array(photo.data).map((v, i) =>
      Math.min(Math.max(v + ((grain.data[i] as number) - 128) / 4, 0), 255),
    );
    const blurred = resizeBicubic(resizeBicubic(photo, 1 / 4), 4);
    expect(niqe(imageOf(240, 192, 3, noisy))).toBeGreaterThan(niqe(photo) + 1);
    expect(niqe(blurred)).toBeGreaterThan(niqe(photo) + 1);
  });

  it("uses whole blocks within the border only", async () => {
    const photo = await photograph("23");
    expect(niqe(photo)).toBe(niqe(crop(photo, 0, 0, 192, 192)));
    expect(niqe(photo, { border: 0 })).not.toBe(niqe(crop(photo, 20, 0, 192, 192)));
    const framed = frame(photo, 4);
    expect(niqe(framed, { border: 4 })).toBe(niqe(photo));
  });

  it("refuses images with fewer than two blocks, or flat ones", () => {
    expect(() => niqe(noise(191, 191, 1, 8))).toThrow(DatasetError);
    expect(() => niqe(noise(50, 50, 1, 8))).toThrow("there are 0");
    expect(() => niqe(imageOf(192, 192, 1, new Uint8Array(192 * 192).fill(9)))).toThrow("not flat");
  });
});

function frame(image: Image, border: number): Image {
  const [width, height] = [image.width + 2 * border, image.height + 2 * border];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < image.height; y++) {
    data.set(image.data.subarray(y * image.width * 3, (y + 1) * image.width * 3), ((y + border) * width + border) * 3);
  }
  return imageOf(width, height, 3, data);
}

describe("the asymmetric generalised Gaussian", () => {
  /** Quantiles, at equal steps, of the density ∝ exp(x/left) for x < 0, exp(−x/right) for x ≥ 0. */
  const laplace = (left: number, right: number) =>
    Float64Array.from({ length: 200000 }, (_, i) => {
      const q = (i + 0.5) / 200000;
      const share = left / (left + right);
      return q < share ? left * Math.log(q / share) : -right * Math.log((1 - q) / (1 - share));
    });

  it("is fitted to a Laplacian with shape 1 and its two scales", () => {
    const fit = fitGeneralisedGaussian(laplace(0.5, 2));
    expect(fit.shape).toBeCloseTo(1, 2);
    expect(fit.left).toBeCloseTo(0.5, 2);
    expect(fit.right).toBeCloseTo(2, 1);
    expect(meanOfProducts(fit)).toBeCloseTo(1.5, 1);
  });

  it("has a gamma function", () => {
    expect(gamma(5)).toBeCloseTo(24, 10);
    expect(gamma(0.5)).toBeCloseTo(Math.sqrt(Math.PI), 12);
    expect(gamma(0.1)).toBeCloseTo(9.513507698668732, 10);
  });
});
