import { type Image, peak } from "./image.js";

/**
 * The Y of MATLAB's rgb2ycbcr (ITU-R BT.601, studio swing) of red, green and blue in 0..255: 16 (black) .. 235 (white).
 * Grey v gives 16 + 219/255 · v.
 */
export function luma(red: number, green: number, blue: number): number {
  return 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255;
}

/**
 * The Y plane of an image, not rounded. Grey counts as RGB with equal channels; alpha is ignored; 16-bit samples are
 * scaled to 0..255 first.
 * @returns height · width values in 16..235
 */
export function lumaPlane(image: Image): Float64Array {
  const { data, channels } = image;
  const unit = peak(image.depth) / 255;
  const plane = new Float64Array(image.width * image.height);
  const green = channels >= 3 ? 1 : 0;
  const blue = channels >= 3 ? 2 : 0;
  for (let i = 0, at = 0; i < plane.length; i++, at += channels) {
    const r = (data[at] as number) / unit;
    const g = (data[at + green] as number) / unit;
    const b = (data[at + blue] as number) / unit;
    plane[i] = luma(r, g, b);
  }
  return plane;
}
