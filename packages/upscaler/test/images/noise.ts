import { Random } from "../../../../test/support/random.js";
import { type Depth, emptyPixels, type Pixels, peakOf } from "../../src/images/pixels.js";

/** Noise that is the same every time. */
export function noisePixels(width: number, height: number, channels: Pixels["channels"], depth: Depth): Pixels {
  const pixels = emptyPixels({ width, height, channels, depth });
  const random = new Random(1);
  const steps = depth === "float" ? 1 : peakOf(depth) + 1;
  for (let i = 0; i < pixels.data.length; i++) pixels.data[i] = random.next() * steps;
  return pixels;
}
