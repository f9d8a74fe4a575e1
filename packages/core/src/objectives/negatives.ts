import type { Value } from "../graph/index.js";
import { concat, matMul } from "../operators/index.js";

const A = -0.75;

/** Keys' cubic convolution kernel with a = −0.75, at distance t ≥ 0. */
const cubic = (t: number): number =>
  t <= 1 ? (A + 2) * t ** 3 - (A + 3) * t ** 2 + 1 : t < 2 ? A * (t ** 3 - 5 * t ** 2 + 8 * t - 4) : 0;

/** The interpolation matrix [scale·size, size] of one axis: half-pixel centres, borders replicated. */
function interpolation(size: number, scale: number): Float32Array {
  const matrix = new Float32Array(size * size * scale);
  for (let out = 0; out < size * scale; out++) {
    const centre = (out + 0.5) / scale - 0.5;
    for (let tap = Math.floor(centre) - 1; tap <= Math.floor(centre) + 2; tap++) {
      const from = Math.min(Math.max(tap, 0), size - 1);
      const at = out * size + from;
      matrix[at] = (matrix[at] as number) + cubic(Math.abs(centre - tap));
    }
  }
  return matrix;
}

/** A matrix for the rows and one for the columns of each plane. */
function separable(images: Value, matrix: (size: number) => Float32Array): Value {
  const [height, width] = images.shape.slice(2) as [number, number];
  const of = (size: number) => {
    const data = matrix(size);
    return images.graph.constant(data, [data.length / size, size]);
  };
  return matMul(of(height), matMul(images, of(width), { transposeRight: true }));
}

/** Bicubic upsampling of LR patches [K, 3, h, w] → [K, 3, s·h, s·w], not clamped: CSD's negatives (section 3.2). */
export const bicubicNegatives = (lr: Value, scale: number): Value =>
  separable(lr, (size) => interpolation(size, scale));

/** The matrix [size, size] of a Gaussian of deviation σ along one axis, cut at 3σ, borders replicated. */
function gaussian(size: number, deviation: number): Float32Array {
  const reach = Math.ceil(3 * deviation);
  const taps = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-(((i - reach) / deviation) ** 2) / 2));
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  const matrix = new Float32Array(size * size);
  for (let out = 0; out < size; out++) {
    taps.forEach((tap, i) => {
      const at = out * size + Math.min(Math.max(out + i - reach, 0), size - 1);
      matrix[at] = (matrix[at] as number) + tap / total;
    });
  }
  return matrix;
}

/** The largest deviation of the blur, in LR pixels: DCKD's. */
const BLUR = 2;

/**
 * LR patches [B, C, h, w], blurred → [K·B, C, h, w]: all by a Gaussian of deviation 2/K pixels, then all by 4/K, up to 2. What a network makes of
 * them is worse than what it makes of the patches, and of the same content (DCKD, arXiv 2412.08939, which draws deviations from 0.1 to 2).
 */
export const blurredInputs = (lr: Value, count: number): Value =>
  concat(
    Array.from({ length: count }, (_, k) => separable(lr, (size) => gaussian(size, (BLUR * (k + 1)) / count))),
    0,
  );
