import { expect, it } from "vitest";
import { cropPixels, sourceInMemory } from "../../src/images/pixels.js";
import { bicubicPart, resizedBands } from "../../src/images/resize.js";
import { gathered } from "../../src/upscaling/bands.js";
import { noisePixels } from "./noise.js";

it.each([
  [3, 2],
  [4, 3],
  [1, 4],
] as const)("a part of %d channels enlarged ×%d is that part of the enlarged image", async (channels, scale) => {
  const image = noisePixels(41, 29, channels, 8);
  async function* whole() {
    yield image;
  }
  const size = { width: 41 * scale, height: 29 * scale };
  const expected = await gathered(resizedBands(whole(), image, size), size.height);
  for (const [x, y, width, height] of [
    [0, 0, size.width, size.height],
    [0, 0, 7, 5],
    [11, 13, 31, 17],
    [size.width - 9, size.height - 4, 9, 4],
  ] as const) {
    const part = { x, y, width, height };
    expect(await bicubicPart(sourceInMemory(image), scale, part)).toEqual(cropPixels(expected, part));
  }
});
