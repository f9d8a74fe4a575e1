import { DatasetError } from "../errors.js";
import { lumaPlane } from "../images/colour.js";
import type { Image } from "../images/image.js";
import { filterValid, gaussian } from "./gaussian.js";
import { shavePair } from "./shave.js";

const window = gaussian(11, 1.5);
const c1 = (0.01 * 255) ** 2;
const c2 = (0.03 * 255) ** 2;

/**
 * Structural similarity (Wang et al. 2004, eq. 13) of the Y of MATLAB's rgb2ycbcr, not rounded: 11 × 11 Gaussian window
 * with σ = 1.5, K₁ = 0.01, K₂ = 0.03, averaged over where the window lies wholly within.
 *
 *   SSIM = (2 μ_a μ_b + C₁)(2 σ_ab + C₂) / ((μ_a² + μ_b² + C₁)(σ_a² + σ_b² + C₂))
 *
 * @param border pixels left out at each side: the scale for the benchmarks
 * @returns 1 for identical images
 * @throws DatasetError if the sizes differ or no window fits within the border
 */
export function ssim(output: Image, truth: Image, { border = 0 }: { readonly border?: number } = {}): number {
  const [first, second] = shavePair(output, truth, border);
  const { width, height } = first;
  if (Math.min(width, height) < window.length) {
    throw new DatasetError(`SSIM needs at least 11×11 pixels within the border, there are ${width}×${height}`);
  }
  const a = lumaPlane(first);
  const b = lumaPlane(second);
  const average = (value: (a: number, b: number) => number) =>
    filterValid(
      a.map((sample, i) => value(sample, b[i] as number)),
      width,
      height,
      window,
    );
  const meanA = filterValid(a, width, height, window);
  const meanB = filterValid(b, width, height, window);
  const squares = average((a, b) => a * a + b * b);
  const products = average((a, b) => a * b);
  let sum = 0;
  for (let i = 0; i < meanA.length; i++) {
    const ab = (meanA[i] as number) * (meanB[i] as number);
    const aabb = (meanA[i] as number) ** 2 + (meanB[i] as number) ** 2;
    const covariance = (products[i] as number) - ab;
    const variances = (squares[i] as number) - aabb;
    sum += ((2 * ab + c1) * (2 * covariance + c2)) / ((aabb + c1) * (variances + c2));
  }
  return sum / meanA.length;
}
