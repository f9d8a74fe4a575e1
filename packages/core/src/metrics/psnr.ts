import { lumaPlane } from "../images/colour.js";
import { type Image, peak } from "../images/image.js";
import { rgbPlanes } from "../images/planes.js";
import { strips } from "./shave.js";

export interface PsnrOptions {
  /** Pixels left out at each side: the scale for the benchmarks, scale + 6 for DIV2K. Default 0. */
  readonly border?: number;
  /** Y of MATLAB's rgb2ycbcr, not rounded (benchmarks, the default), or all of RGB (DIV2K). */
  readonly colour?: "y" | "rgb";
}

/**
 * Peak signal-to-noise ratio 10 · log₁₀(255² / mean squared error) in dB, of images as they are written (rounded to their
 * depth). Grey counts as RGB with equal channels, alpha is ignored.
 * @returns Infinity for identical images (a text in JSON), never NaN
 * @throws DatasetError if the sizes differ or the border leaves nothing
 */
export function psnr(output: Image, truth: Image, { border = 0, colour = "y" }: PsnrOptions = {}): number {
  const planes = colour === "y" ? lumaPlane : rgbPlanes;
  let [sum, count] = [0, 0];
  for (const strip of strips(output, truth, border)) {
    const [a, b] = [planes(strip[0]), planes(strip[1])];
    sum += squaredDistance(a, b);
    count += a.length;
  }
  return 10 * Math.log10(peak(8) ** 2 / (sum / count));
}

function squaredDistance(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum;
}
