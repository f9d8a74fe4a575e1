import type { Value } from "../graph/index.js";
import {
  add,
  concat,
  div,
  matMul,
  mul,
  reduceSumSquare,
  reshape,
  slice,
  sqrt,
  sub,
  transpose,
} from "../operators/index.js";

/** Matrices of one shape, which lie one after another in a vector. */
export interface Matrices {
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
}

export interface MuonState {
  /** All matrices, [P]. */
  parameters: Value;
  /** Running mean of the gradient. */
  first: Value;
}

const MOMENTUM = 0.95;

/** The root mean square of an update whose learning rate is 1: about Adam's, so that both bear one rate (Liu et al. 2025, "Muon is scalable for LLM training", section 2.2). */
const UPDATE_SIZE = 0.2;

/** Of the quintic a·x + b·x³ + c·x⁵, which brings singular values between 0 and 1 close to 1 within five rounds. */
const [A, B, C] = [3.4445, -4.775, 2.0315] as const;
const ROUNDS = 5;

/**
 * Muon (Jordan et al. 2024) on vectors of matrices: m ← μm + (1 − μ)g, and P ← P − lr · 0.2 · √max(rows, columns) · UVᵀ, where UΣVᵀ are
 * the singular values of Nesterov's μm + (1 − μ)g, replaced by ones to within some tenths by Newton–Schulz iterations.
 * @param learningRate a scalar
 * @param matrices in the order in which they lie in the vectors
 */
export function muon(
  { parameters, first }: MuonState,
  gradient: Value,
  learningRate: Value,
  matrices: readonly Matrices[],
): MuonState {
  const share = mul(gradient, 1 - MOMENTUM);
  const mean = add(mul(first, MOMENTUM), share);
  const ahead = add(mul(mean, MOMENTUM), share);
  let at = 0;
  const updates = matrices.map(({ count, rows, columns }) => {
    const [start, end] = [at, at + count * rows * columns];
    at = end;
    const stack = reshape(slice(ahead, [{ axis: 0, start, end }]), [count, rows, columns]);
    return reshape(mul(orthogonal(stack), UPDATE_SIZE * Math.sqrt(Math.max(rows, columns))), [end - start]);
  });
  return { parameters: sub(parameters, mul(concat(updates, 0), learningRate)), first: mean };
}

/** Matrices [N, R, C] with their singular values brought close to 1. */
function orthogonal(matrices: Value): Value {
  const [, rows, columns] = matrices.shape as [number, number, number];
  const norm = sqrt(reduceSumSquare(matrices, { axes: [1, 2], keep: true }));
  const isWide = rows <= columns;
  let x = div(matrices, add(norm, TINY));
  for (let round = 0; round < ROUNDS; round++) {
    // (xxᵀ)x = x(xᵀx): the smaller of the two is made.
    const turned = transpose(x, [0, 2, 1]);
    const gram = isWide ? matMul(x, turned) : matMul(turned, x);
    const polynomial = add(mul(gram, B), mul(matMul(gram, gram), C));
    x = add(mul(x, A), isWide ? matMul(polynomial, x) : matMul(x, polynomial));
  }
  return x;
}

/** What keeps a gradient of zeros from being divided by nothing. */
const TINY = 1e-12;
