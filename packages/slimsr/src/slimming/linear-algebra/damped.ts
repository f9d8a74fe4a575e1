import { type Cholesky, cholesky } from "./cholesky.js";
import { traceOf } from "./matrices.js";

/**
 * A symmetric positive semidefinite A + λ·I, factorised: λ is the `ridge` times the mean of A's diagonal. A ridge of nothing, or one that
 * rounding swallows, is raised until the system can be solved.
 * @param a [n, n], row-major
 */
export function damped(a: Float64Array, n: number, ridge: number): Cholesky {
  const mean = traceOf(a, n) / n;
  for (let factor = ridge; ; factor = Math.max(10 * factor, Number.EPSILON)) {
    const least = Math.max(factor * mean, Number.EPSILON);
    const matrix = a.slice();
    for (let i = 0; i < n; i++) matrix[i * n + i] = (matrix[i * n + i] as number) + least;
    const solver = cholesky(matrix, n);
    if (solver) return solver;
  }
}
