import { leastErrorScales } from "@slimsr/core/internal/quantisation/integers.js";
import type { IntegerConvolution } from "@slimsr/core/internal/quantisation/qdq.js";
import { cholesky } from "../slimming/linear-algebra/cholesky.js";
import { traceOf } from "../slimming/linear-algebra/matrices.js";
import { fromRows, toRows } from "../slimming/refitting/normal-equations.js";
import type { RefittedGroup } from "./refit.js";

export interface RoundingOptions {
  /** The largest code, of either sign. */
  readonly largest: number;
  readonly inputScale: number;
}

/**
 * A convolution's weights as integers: what one loses by its rounding, those that are still to be rounded make up for as far as their
 * inputs are like its. With H = L·Lᵀ the squared error of weights w as q is |Lᵀ·(w − q)|², whose row j has weights from j on alone; so
 * from the last to the first, q_j is the integer next to w_j + Σ_{k>j} L_kj·(w_k − q_k) / L_jj (Babai's nearest plane, which is GPTQ,
 * Frantar et al. 2023, from the other end). The bias comes first in H, is thus solved last, and stays a number.
 */
export function roundedRows(
  { weight, bias, gram, taps, ridge }: RefittedGroup,
  { largest, inputScale }: RoundingOptions,
): IntegerConvolution {
  const filters = bias.length;
  const n = weight.length / filters + 1;
  const rows = toRows({ weight, bias }, filters, n, taps);
  const importance = Float64Array.from({ length: n - 1 }, (_, f) => gram[f * (n + 1)] as number);
  const scales = leastErrorScales(rows, importance, largest, inputScale);
  const factor = factorOf(gram, n, ridge);
  const lost = new Float64Array(n);
  for (let o = 0; o < filters; o++) {
    const row = rows.subarray(o * n, (o + 1) * n);
    const scale = scales[o] as number;
    // Index j of H is feature j − 1; the constant, the last feature, is 0.
    for (let j = n - 1; j > 0; j--) {
      const w = row[j - 1] as number;
      const code = Math.round((w + owed(factor, lost, n, j)) / scale);
      const kept = Math.max(-largest, Math.min(largest, code));
      lost[j] = w - kept * scale;
      row[j - 1] = kept;
    }
    row[n - 1] = (row[n - 1] as number) + owed(factor, lost, n, 0);
  }
  const { weight: codes, bias: own } = fromRows(rows, filters, n, taps, true);
  return { codes: Int8Array.from(codes), scales, bias: own as Float32Array };
}

/** Σ_{k>j} L_kj·lost_k / L_jj: what weight j is to make up for. */
function owed(factor: Float64Array, lost: Float64Array, n: number, j: number): number {
  let sum = 0;
  const row = j * n;
  for (let k = j + 1; k < n; k++) sum += (factor[row + k] as number) * (lost[k] as number);
  return sum / (factor[row + j] as number);
}

/** Lᵀ in the upper triangle, with L·Lᵀ = H + λ·I, the constant moved from last to first. */
function factorOf(gram: Float64Array, n: number, ridge: number): Float64Array {
  const energy = traceOf(gram, n);
  for (let share = ridge; ; share *= 10) {
    const least = Math.max((share * energy) / n, Number.EPSILON);
    const damped = new Float64Array(n * n);
    for (let i = 0; i < n; i++) {
      const from = ((i + n - 1) % n) * n;
      damped[i * n] = gram[from + n - 1] as number;
      damped.set(gram.subarray(from, from + n - 1), i * n + 1);
      damped[i * n + i] = (damped[i * n + i] as number) + least;
    }
    if (cholesky(damped, n)) return damped;
  }
}
