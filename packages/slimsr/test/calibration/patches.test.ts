import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { noise } from "../../../../test/support/photographs.js";
import { DatasetError, UsageError } from "../../../core/src/errors.js";
import { resizeBicubic } from "../../../core/src/images/bicubic.js";
import { lumaPlane } from "../../../core/src/images/colour.js";
import { type Image, to8Bit } from "../../../core/src/images/image.js";
import { imageFromPlanes } from "../../../core/src/images/planes.js";
import { EMBEDDED_IMAGES } from "../../src/assets.js";
import { patchShape, somePatches } from "../../src/calibration/batches.js";
import {
  type CalibrationOptions,
  calibrationPatches,
  type ImagePair,
  patchPairs,
} from "../../src/calibration/patches.js";
import { findImages } from "../../src/datasets/find-images.js";
import { blurred as blurred8 } from "../../src/degradations/blur.js";
import { readImage } from "../../src/images/decode.js";
import { place, temporaryFolder } from "../datasets/folders.js";

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

describe("calibration patches of other networks", () => {
  const draw = (options: Partial<CalibrationOptions>) =>
    calibrationPatches(EMBEDDED_IMAGES, { scale: 1, count: 3, side: 24, seed: 2, ...options });
  const rms = (a: Float32Array, b: Float32Array) =>
    Math.sqrt(a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0) / a.length);

  it("are of luma or grey, one plane each", async () => {
    const [rgb, luma] = [await draw({ scale: 2 }), await draw({ scale: 2, space: "luma" })];
    expect(patchShape(luma, 3)).toEqual([3, 1, 24, 24]);
    const patch = imageFromPlanes(somePatches(rgb, 0, 1).data, 24, 24);
    const y = lumaPlane(patch);
    somePatches(luma, 0, 1).data.forEach((value, i) => {
      expect(value).toBeCloseTo(y[i] as number, 3);
    });
    expect(patchShape(await draw({ degrade: "noise:5", space: "grey" }), 3)).toEqual([3, 1, 24, 24]);
  });

  it("are degraded as asked, at the same places", async () => {
    const clean = await draw({ degrade: "noise:0" });
    const noisy = await draw({ degrade: "noise:25", count: 1 });
    expect(rms(noisy.data, somePatches(clean, 0, 1).data)).toBeGreaterThan(23);
    expect(rms(noisy.data, somePatches(clean, 0, 1).data)).toBeLessThan(27);
    const blurred = await draw({ degrade: "blur:2" });
    expect(rms(blurred.data, clean.data)).toBeGreaterThan(1);
    // A patch is what is there of the whole image degraded.
    const { hr, lr } = (await patchPairs(EMBEDDED_IMAGES, { scale: 1, count: 1, degrade: "blur:1" }).next())
      .value as ImagePair;
    expect(lr.width).toBe(hr.width);
    const wholes = await Promise.all(
      (await findImages(EMBEDDED_IMAGES)).map(async ({ path }) => blurred8(to8Bit(await readImage(path)), 1)),
    );
    expect(wholes.some((image) => holds(image, lr))).toBe(true);
  });

  it("come from a folder of inputs, and must have a source", async () => {
    await expect(draw({})).rejects.toThrow("nothing says what it restores");
    const folder = await temporaryFolder();
    const truth = noise(40, 40, 3, 8, 1);
    await place(folder, { "input/a.png": noise(40, 40, 3, 8, 2), "truth/a.png": truth });
    const options = { scale: 1, count: 1, side: 40, input: join(folder, "input") };
    const { lr, hr } = (await patchPairs(join(folder, "truth"), options).next()).value as ImagePair;
    expect([lr, hr]).toEqual([noise(40, 40, 3, 8, 2), truth]);
    await place(folder, { "input/a.png": noise(40, 39, 3, 8, 2) });
    const side = { ...options, side: 8 };
    await expect(patchPairs(join(folder, "truth"), side).next()).rejects.toThrow("40×39 and 40×40 pixels");
  });
});
