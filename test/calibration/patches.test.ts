import { describe, expect, it } from "vitest";
import { type Patches, patchShape, somePatches } from "../../src/calibration/batches.js";
import { calibrationPatches, EMBEDDED_IMAGES } from "../../src/calibration/patches.js";
import { DatasetError, UsageError } from "../../src/errors.js";
import { resizeBicubic } from "../../src/images/bicubic.js";
import { imageFromPlanes, rgbPlanes } from "../../src/images/planes.js";

/** The one patch of `patches` as an image. */
const imageOf = (patches: Patches) => imageFromPlanes(patches.data, patches.width, patches.height);

describe("calibration patches", () => {
  for (const scale of [2, 3]) {
    it(`are their truth reduced by ${scale}, but for what lies around it`, async () => {
      const patches = await calibrationPatches(EMBEDDED_IMAGES, { scale, count: 3, seed: 4, withTruth: true });
      const truth = patches.truth as Patches;
      expect(patchShape(patches, 3)).toEqual([3, 3, 32, 32]);
      expect(patchShape(truth, 3)).toEqual([3, 3, 32 * scale, 32 * scale]);
      for (let i = 0; i < 3; i++) {
        const reduced = rgbPlanes(resizeBicubic(imageOf(somePatches(truth, i, i + 1)), 1 / scale));
        const patch = somePatches(patches, i, i + 1).data;
        const inner = (data: ArrayLike<number>) =>
          Array.from(data).filter((_, at) => [at % 32, Math.floor(at / 32) % 32].every((p) => p >= 2 && p < 30));
        expect(inner(patch)).toEqual(inner(reduced));
        expect(new Set(inner(patch)).size).toBeGreaterThan(20);
      }
    });
  }

  it("depend on the seed alone, and don't keep their truth unless asked to", async () => {
    const draw = (seed: number) => calibrationPatches(EMBEDDED_IMAGES, { scale: 2, count: 4, seed });
    const [first, again, other] = await Promise.all([draw(0), draw(0), draw(1)]);
    expect(again).toEqual(first);
    expect(other.data).not.toEqual(first.data);
    expect(first.truth).toBeUndefined();
  });

  it("need images that are large enough, and a number", async () => {
    const draw = (side: number, count: number) => calibrationPatches(EMBEDDED_IMAGES, { scale: 2, side, count });
    await expect(draw(5000, 1)).rejects.toThrow(DatasetError);
    await expect(draw(5000, 1)).rejects.toThrow("every image is smaller than 10000×10000 pixels");
    await expect(draw(32, 0)).rejects.toThrow(UsageError);
  });
});
