import { describe, expect, it } from "vitest";
import { lumaPlane } from "../../src/images/colour.js";
import { imageOf } from "../../src/images/image.js";

// MATLAB: rgb2ycbcr([255 0 0; 0 255 0; 0 0 255; 255 255 255; 0 0 0] / 255) * 255
const expected = [81.481, 144.553, 40.966, 235, 16];

describe("luma", () => {
  it("is the Y of MATLAB's rgb2ycbcr", () => {
    const image = imageOf(5, 1, 3, Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0));
    lumaPlane(image).forEach((y, i) => {
      expect(y).toBeCloseTo(expected[i] as number, 10);
    });
  });

  it("of grey is that of equal channels; alpha and depth make no difference", () => {
    const grey = lumaPlane(imageOf(1, 1, 1, Uint8Array.of(100)));
    expect(grey[0]).toBeCloseTo(16 + (219 * 100) / 255, 10);
    expect(lumaPlane(imageOf(1, 1, 2, Uint8Array.of(100, 7)))).toEqual(grey);
    expect(lumaPlane(imageOf(1, 1, 4, Uint16Array.of(25700, 25700, 25700, 7)))[0]).toBeCloseTo(grey[0] as number, 10);
  });
});
