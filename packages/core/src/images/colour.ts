import { type Image, peak } from "./image.js";

/**
 * The Y of MATLAB's rgb2ycbcr (ITU-R BT.601, studio swing), not rounded: 16 (black) .. 235 (white). Grey counts as RGB with equal
 * channels, so that v of 255 gives 16 + 219/255 · v; alpha is ignored; 16-bit samples count as if scaled to 0..255.
 * @returns height · width values
 */
export function lumaPlane(image: Image): Float64Array {
  const { data, channels } = image;
  const top = peak(image.depth);
  const plane = new Float64Array(image.width * image.height);
  const green = channels >= 3 ? 1 : 0;
  const blue = channels >= 3 ? 2 : 0;
  for (let i = 0, at = 0; i < plane.length; i++, at += channels) {
    const weighted =
      65.481 * (data[at] as number) + 128.553 * (data[at + green] as number) + 24.966 * (data[at + blue] as number);
    plane[i] = 16 + weighted / top;
  }
  return plane;
}
