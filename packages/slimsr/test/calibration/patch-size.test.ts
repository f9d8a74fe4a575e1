import { expect, it } from "vitest";
import { calibrationSize } from "../../src/calibration/patch-size.js";

const any = { minimum: 1, multipleOf: 1 };

it("is 32, of twice the pixels in patches of 64 where the whole image is seen, and what a network takes", () => {
  expect(calibrationSize({ reach: 12, size: any }, 48)).toEqual({ side: 32, count: 48 });
  expect(calibrationSize({ reach: "global", size: any }, 48)).toEqual({ side: 64, count: 24 });
  expect(calibrationSize({ reach: 12, size: { minimum: 1, multipleOf: 12 } }, 36)).toEqual({ side: 36, count: 29 });
  expect(calibrationSize({ reach: 12, size: { ...any, fixed: { width: 256, height: 256 } } }, 48)).toEqual({
    side: 256,
    count: 1,
  });
});
