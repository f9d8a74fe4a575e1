import { expect, it } from "vitest";
import { readModel } from "../../../core/src/formats/model-file.js";
import { exp, mul } from "../../../core/src/operators/index.js";
import { brokenByExtremes } from "../../src/slimming/extremes.js";
import { enlarging, nearest } from "../runs/nearest.js";

const SIZE = { height: 16, width: 12 };

it("a network that overflows on no photograph's image is told with the node at fault", async () => {
  expect(await brokenByExtremes(readModel(nearest(255), "nearest.onnx"), SIZE)).toBeUndefined();
  // The exponential of 88.7 is the largest of float32: black is finite.
  const bright = enlarging((image) => mul(image, exp(mul(exp(image), 0))));
  expect(await brokenByExtremes(readModel(bright, "bright.onnx"), SIZE)).toMatch(
    /^on an image of white noise and white its output isn't finite, from the Exp on that makes \S+$/,
  );
});
