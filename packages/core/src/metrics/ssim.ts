import { DatasetError } from "../errors.js";
import { lumaPlane } from "../images/colour.js";
import type { Image } from "../images/image.js";
import { filterValid, gaussian } from "./gaussian.js";
import { sizeWithin, strips } from "./shave.js";

/** Pixels along a side of the window: an image must have as many within its border. */
export const SSIM_WINDOW = 11;

const window = gaussian(SSIM_WINDOW, 1.5);
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
  const { width, height } = sizeWithin(output, border);
  if (Math.min(width, height) < window.length) {
    throw new DatasetError(`SSIM needs at least 11×11 pixels within the border, there are ${width}×${height}`);
  }
  let sum = 0;
  for (const [a, b] of strips(output, truth, border, window.length - 1)) sum += sumOfStrip(a, b);
  return sum / ((width - window.length + 1) * (height - window.length + 1));
}

/** The sum of SSIM over where the window lies wholly within. */
function sumOfStrip(first: Image, second: Image): number {
  const { width, height } = first;
  const [a, b] = [lumaPlane(first), lumaPlane(second)];
  const squares = new Float64Array(a.length);
  const products = new Float64Array(a.length);
  for (let i = 0; i < a.length; i++) {
    const [sampleA, sampleB] = [a[i] as number, b[i] as number];
    squares[i] = sampleA * sampleA + sampleB * sampleB;
    products[i] = sampleA * sampleB;
  }
  const [meanA, meanB, meanSquares, meanProducts] = [a, b, squares, products].map((plane) =>
    filterValid(plane, width, height, window),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  let sum = 0;
  for (let i = 0; i < meanA.length; i++) {
    const ab = (meanA[i] as number) * (meanB[i] as number);
    const aabb = (meanA[i] as number) ** 2 + (meanB[i] as number) ** 2;
    const covariance = (meanProducts[i] as number) - ab;
    const variances = (meanSquares[i] as number) - aabb;
    sum += ((2 * ab + c1) * (2 * covariance + c2)) / ((aabb + c1) * (variances + c2));
  }
  return sum;
}
