import { describe, expect, it } from "vitest";
import { DatasetError, UsageError } from "../../../core/src/errors.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import type { Image } from "../../../core/src/images/image.js";
import { imageFromPlanes } from "../../../core/src/images/planes.js";
import { EMBEDDED_IMAGES } from "../../src/assets.js";
import { patchShape, somePatches } from "../../src/calibration/batches.js";
import { calibrationPatches } from "../../src/calibration/patches.js";
import { findImages } from "../../src/datasets/find-images.js";
import { readImage } from "../../src/images/decode.js";

/** Whether an image has a patch somewhere, pixel for pixel. */
function holds(image: Image, patch: Image): boolean {
  const row = (of: Image, x: number, y: number) =>
    of.data.subarray((y * of.width + x) * of.channels, (y * of.width + x + patch.width) * of.channels);
  const isAt = (x: number, y: number) =>
    Array.from({ length: patch.height }, (_, i) => i).every((i) =>
      row(image, x, y + i).every((value, at) => value === row(patch, 0, i)[at]),
    );
  for (let y = 0; y + patch.height <= image.height; y++) {
    for (let x = 0; x + patch.width <= image.width; x++) if (isAt(x, y)) return true;
  }
  return false;
}

describe("calibration patches", () => {
  it("are reduced parts of the images", async () => {
    const patches = await calibrationPatches(EMBEDDED_IMAGES, { scale: 2, count: 3, seed: 4 });
    expect(patchShape(patches, 3)).toEqual([3, 3, 32, 32]);
    expect(patches.data.every((value) => Number.isInteger(value) && value >= 0 && value <= 255)).toBe(true);
    const reduced = await Promise.all(
      (await findImages(EMBEDDED_IMAGES)).map(async ({ path }) => resizeBicubic(await readImage(path), 1 / 2)),
    );
    for (let i = 0; i < 3; i++) {
      const patch = imageFromPlanes(somePatches(patches, i, i + 1).data, 32, 32);
      expect(reduced.some((image) => holds(image, patch))).toBe(true);
    }
  });

  it("depend on the seed alone", async () => {
    const draw = (seed: number) => calibrationPatches(EMBEDDED_IMAGES, { scale: 2, count: 4, seed });
    const [first, again, other] = await Promise.all([draw(0), draw(0), draw(1)]);
    expect(again).toEqual(first);
    expect(other.data).not.toEqual(first.data);
  });

  it("need images that are large enough, and a number", async () => {
    const draw = (side: number, count: number) => calibrationPatches(EMBEDDED_IMAGES, { scale: 2, side, count });
    await expect(draw(5000, 1)).rejects.toThrow(DatasetError);
    await expect(draw(5000, 1)).rejects.toThrow("every image is smaller than 10000×10000 pixels");
    await expect(draw(32, 0)).rejects.toThrow(UsageError);
  });
});
