import { describe, expect, it } from "vitest";
import { noise } from "../../../../test/support/photographs.js";
import { ImageError } from "../../src/errors.js";
import { crop, cropToMultiple, imageOf, joinAlpha, splitAlpha, to8Bit } from "../../src/images/image.js";
import { imageFromPlanes, rgbPlanes, toRgb, withoutAlpha } from "../../src/images/planes.js";

describe("an image", () => {
  it("has as many samples as its size says", () => {
    expect(() => imageOf(2, 2, 3, new Uint8Array(11))).toThrow(ImageError);
    expect(() => imageOf(0, 2, 3, new Uint8Array(0))).toThrow(ImageError);
    expect(imageOf(2, 1, 1, new Uint16Array(2)).depth).toBe(16);
  });

  it("is cropped to the pixels asked for", () => {
    const image = imageOf(3, 2, 1, Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect([...crop(image, 1, 0, 2, 2).data]).toEqual([2, 3, 5, 6]);
    expect(() => crop(image, 2, 0, 2, 2)).toThrow("do not lie within 3×2");
  });

  it("is cropped at the right and bottom to a multiple of the scale", () => {
    const cropped = cropToMultiple(noise(101, 75, 3, 8), 4);
    expect([cropped.width, cropped.height]).toEqual([100, 72]);
    expect(() => cropToMultiple(noise(3, 8, 3, 8), 4)).toThrow(ImageError);
  });

  it("becomes 8 bits by dividing by 257 and rounding", () => {
    const wide = imageOf(7, 1, 1, Uint16Array.of(0, 128, 129, 257, 385, 386, 65535));
    expect([...to8Bit(wide).data]).toEqual([0, 0, 1, 1, 1, 2, 255]);
  });

  it.each([2, 4] as const)("of %i channels comes apart into colour and alpha and together again", (channels) => {
    const image = noise(5, 4, channels, 16);
    const { colour, alpha } = splitAlpha(image);
    expect(alpha?.data[3]).toBe(image.data[3 * channels + channels - 1]);
    expect(colour.channels).toBe(channels - 1);
    expect(joinAlpha(colour, alpha ?? colour)).toEqual(image);
    expect(withoutAlpha(image)).toEqual(colour);
  });

  it("does not take an alpha of another size", () => {
    expect(() => joinAlpha(noise(4, 4, 3, 8), noise(4, 3, 1, 8))).toThrow(ImageError);
  });
});

describe("planes", () => {
  it("are red, green and blue one after another, and go back to the same image", () => {
    const image = noise(5, 3, 3, 8);
    const planes = rgbPlanes(image);
    expect(planes[15]).toBe(image.data[1]);
    expect(imageFromPlanes(planes, 5, 3)).toEqual(image);
  });

  it("of 16 bits lie in 0..255 and go back to the same image", () => {
    const image = noise(5, 3, 3, 16);
    const planes = rgbPlanes(image);
    expect(Math.max(...planes)).toBeLessThanOrEqual(255);
    expect(imageFromPlanes(planes, 5, 3, 16)).toEqual(image);
  });

  it("of grey are the same three times, without alpha", () => {
    const image = imageOf(2, 1, 2, Uint8Array.of(10, 77, 20, 88));
    expect([...rgbPlanes(image)]).toEqual([10, 20, 10, 20, 10, 20]);
    expect([...toRgb(image).data]).toEqual([10, 10, 10, 20, 20, 20]);
  });

  it("are rounded half up and clipped; NaN becomes 0", () => {
    const planes = Float32Array.of(-3, 0.5, 1.49, 254.5, 300, Number.NaN);
    expect([...imageFromPlanes(planes, 2, 1).data]).toEqual([0, 1, 255, 1, 255, 0]);
  });
});
