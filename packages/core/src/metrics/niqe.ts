import { Matrix, pseudoInverse } from "ml-matrix";
import { DatasetError } from "../errors.js";
import { resizePlanesBicubic } from "../images/bicubic.js";
import { lumaPlane } from "../images/colour.js";
import type { Image } from "../images/image.js";
import { filterValid, gaussian } from "./gaussian.js";
import { fitGeneralisedGaussian, type GeneralisedGaussian, meanOfProducts } from "./generalised-gaussian.js";
import { featureCount, pristineCovariance, pristineMean } from "./niqe-pristine.js";
import { shave } from "./shave.js";

const blockSize = 96;
const window = gaussian(7, 7 / 6);

interface Plane {
  readonly width: number;
  readonly height: number;
  readonly data: Float64Array;
}

/**
 * Natural image quality evaluator (Mittal, Soundararajan and Bovik 2013) with the authors' pristine model, of the Y of
 * MATLAB's rgb2ycbcr, rounded: the distance between the statistics of the image's 96 × 96 blocks and those of
 * undistorted photographs. No ground truth is needed; lower is better.
 * @param border pixels left out at each side
 * @throws DatasetError if fewer than two blocks fit, or fewer than two are anything but flat
 */
export function niqe(image: Image, { border = 0 }: { readonly border?: number } = {}): number {
  const shaved = shave(image, border);
  const features = niqeFeatures({ ...shaved, data: lumaPlane(shaved).map((y) => Math.round(y)) });
  if (features.length < 2) {
    throw new DatasetError(
      `NIQE needs two blocks of ${blockSize}×${blockSize} pixels that are not flat, within ${image.width}×${image.height} there are ${features.length}`,
    );
  }
  return distanceToPristine(features);
}

/** The features of every block that has all of them (a flat block has none). */
function niqeFeatures({ width, height, data }: Plane): number[][] {
  const columns = Math.floor(width / blockSize);
  const rows = Math.floor(height / blockSize);
  if (columns * rows === 0) return [];
  const whole = cropPlane({ width, height, data }, 0, 0, columns * blockSize, rows * blockSize);
  const half = resizePlanesBicubic({ ...whole, planes: 1 }, 1 / 2);
  const scales = [whole, half].map(normalised);
  const blocks = Array.from({ length: columns * rows }, (_, i) => [i % columns, Math.floor(i / columns)] as const);
  return blocks
    .map(([column, row]) =>
      scales.flatMap((plane, i) => {
        const size = blockSize / (i + 1);
        return blockFeatures(cropPlane(plane, column * size, row * size, size, size));
      }),
    )
    .filter((features) => features.every(Number.isFinite));
}

/** Mean-subtracted contrast-normalised coefficients (I − μ) / (σ + 1), eq. 1; the border is replicated. */
function normalised(plane: Plane): Plane {
  const { width, height, data } = plane;
  const margin = (window.length - 1) / 2;
  const [paddedWidth, paddedHeight] = [width + 2 * margin, height + 2 * margin];
  const padded = new Float64Array(paddedWidth * paddedHeight);
  for (let y = 0; y < paddedHeight; y++) {
    const row = Math.min(Math.max(y - margin, 0), height - 1) * width;
    for (let x = 0; x < paddedWidth; x++) {
      padded[y * paddedWidth + x] = data[row + Math.min(Math.max(x - margin, 0), width - 1)] as number;
    }
  }
  const mean = filterValid(padded, paddedWidth, paddedHeight, window);
  const meanSquare = filterValid(
    padded.map((v) => v * v),
    paddedWidth,
    paddedHeight,
    window,
  );
  const coefficients = data.map((value, i) => {
    const mu = mean[i] as number;
    const sigma = Math.sqrt(Math.abs((meanSquare[i] as number) - mu * mu));
    return (value - mu) / (sigma + 1);
  });
  return { width, height, data: coefficients };
}

/** Shape and spread of the coefficients, and of the products with their neighbours in four directions (18 features). */
function blockFeatures({ width, height, data }: Plane): number[] {
  const own = fitGeneralisedGaussian(data);
  const features = [own.shape, (own.left + own.right) / 2];
  for (const [down, across] of [
    [0, 1],
    [1, 0],
    [1, 1],
    [1, -1],
  ] as const) {
    const products = data.map((value, i) => {
      const y = (Math.floor(i / width) - down + height) % height;
      const x = ((i % width) - across + width) % width;
      return value * (data[y * width + x] as number);
    });
    const fit: GeneralisedGaussian = fitGeneralisedGaussian(products);
    features.push(fit.shape, meanOfProducts(fit), fit.left, fit.right);
  }
  return features;
}

/** √((ν − μ)ᵀ ((Σ_pristine + Σ_image) / 2)⁻¹ (ν − μ)), eq. 10. */
function distanceToPristine(features: number[][]): number {
  const count = features.length;
  const mean = pristineMean.map((_, i) => features.reduce((sum, block) => sum + (block[i] as number), 0) / count);
  const covariance = (i: number, j: number) =>
    features.reduce(
      (sum, block) => sum + ((block[i] as number) - (mean[i] as number)) * ((block[j] as number) - (mean[j] as number)),
      0,
    ) /
    (count - 1);
  const pooled = new Matrix(featureCount, featureCount);
  for (let i = 0; i < featureCount; i++) {
    for (let j = 0; j < featureCount; j++) pooled.set(i, j, (pristineCovariance(i, j) + covariance(i, j)) / 2);
  }
  const difference = Matrix.columnVector(mean.map((value, i) => value - (pristineMean[i] as number)));
  return Math.sqrt(difference.transpose().mmul(pseudoInverse(pooled)).mmul(difference).get(0, 0));
}

function cropPlane({ width: stride, data }: Plane, x: number, y: number, width: number, height: number): Plane {
  const kept = new Float64Array(width * height);
  for (let row = 0; row < height; row++) {
    const start = (y + row) * stride + x;
    kept.set(data.subarray(start, start + width), row * width);
  }
  return { width, height, data: kept };
}
