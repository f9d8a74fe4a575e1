import type { Value } from "../graph/index.js";
import { matMul } from "../operators/index.js";

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

/** Bicubic upsampling of LR patches [K, 3, h, w] → [K, 3, s·h, s·w], not clamped: CSD's negatives (section 3.2). */
export function bicubicNegatives(lr: Value, scale: number): Value {
  const [height, width] = lr.shape.slice(2) as [number, number];
  const { graph } = lr;
  const rows = graph.constant(interpolation(height, scale), [height * scale, height]);
  const columns = graph.constant(interpolation(width, scale), [width * scale, width]);
  return matMul(rows, matMul(lr, columns, { transposeRight: true }));
}
