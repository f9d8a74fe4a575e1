/**
 * A symmetric positive definite A as L·Lᵀ, in float64 and in place: `a` becomes L, mirrored so that the rows of Lᵀ lie side by
 * side as well.
 * @param a [n, n], row-major; its lower triangle is read
 * @returns undefined where A is not positive definite to rounding; a is then spoilt
 */
export function cholesky(a: Float64Array, n: number): Cholesky | undefined {
  if (!factorise(a, n)) return undefined;
  mirror(a, n);
  return new Cholesky(a, n);
}

export class Cholesky {
  constructor(
    private readonly factor: Float64Array,
    private readonly n: number,
  ) {}

  /**
   * Solves A·X = B in place.
   * @param b [m, n], a right-hand side per row; becomes X
   */
  solve(b: Float64Array): void {
    const { factor, n } = this;
    const whole = b.length - (b.length % (BLOCK * n));
    for (let at = 0; at < whole; at += BLOCK * n) solveFour(factor, n, b.subarray(at, at + BLOCK * n));
    if (whole === b.length) return;
    const rest = new Float64Array(BLOCK * n);
    rest.set(b.subarray(whole));
    solveFour(factor, n, rest);
    b.set(rest.subarray(0, b.length - whole), whole);
  }
}

/** Rows that are worked on at once: each row of L that is read serves all of them. */
const BLOCK = 4;

/** A = L·Lᵀ, row by row: L[i, j] = (A[i, j] − Σ_{k<j} L[i, k]·L[j, k]) / L[j, j]. */
function factorise(a: Float64Array, n: number): boolean {
  for (let start = 0; start < n; start += BLOCK) {
    const end = Math.min(start + BLOCK, n);
    if (end - start === BLOCK) reduceFourRows(a, n, start);
    else for (let i = start; i < end; i++) reduceRow(a, n, i, start);
    for (let i = start; i < end; i++) {
      for (let j = start; j <= i; j++) {
        let sum = a[i * n + j] as number;
        for (let k = start; k < j; k++) sum -= (a[i * n + k] as number) * (a[j * n + k] as number);
        if (i > j) a[i * n + j] = sum / (a[j * n + j] as number);
        else if (sum > 0) a[i * n + i] = Math.sqrt(sum);
        else return false;
      }
    }
  }
  return true;
}

/** Columns before `start` of row i, and their share in the columns from there on. */
function reduceRow(a: Float64Array, n: number, i: number, start: number): void {
  const row = i * n;
  for (let j = 0; j <= i; j++) {
    const other = j * n;
    const terms = Math.min(j, start);
    let sum = a[row + j] as number;
    for (let k = 0; k < terms; k++) sum -= (a[row + k] as number) * (a[other + k] as number);
    a[row + j] = j < start ? sum / (a[other + j] as number) : sum;
  }
}

/** `reduceRow` of four rows together. */
function reduceFourRows(a: Float64Array, n: number, start: number): void {
  const r0 = start * n;
  const [r1, r2, r3] = [r0 + n, r0 + 2 * n, r0 + 3 * n];
  for (let j = 0; j < start + BLOCK; j++) {
    const other = j * n;
    const terms = Math.min(j, start);
    let s0 = a[r0 + j] as number;
    let s1 = a[r1 + j] as number;
    let s2 = a[r2 + j] as number;
    let s3 = a[r3 + j] as number;
    for (let k = 0; k < terms; k++) {
      const factor = a[other + k] as number;
      s0 -= (a[r0 + k] as number) * factor;
      s1 -= (a[r1 + k] as number) * factor;
      s2 -= (a[r2 + k] as number) * factor;
      s3 -= (a[r3 + k] as number) * factor;
    }
    const divisor = j < start ? (a[other + j] as number) : 1;
    a[r0 + j] = s0 / divisor;
    a[r1 + j] = s1 / divisor;
    a[r2 + j] = s2 / divisor;
    a[r3 + j] = s3 / divisor;
  }
}

/** Copies L into the upper triangle, so that Lᵀ has its rows side by side as well. */
function mirror(l: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) for (let j = i + 1; j < n; j++) l[i * n + j] = l[j * n + i] as number;
}

/** L·y = b, then Lᵀ·x = y, of four right-hand sides [4, n]. */
function solveFour(l: Float64Array, n: number, x: Float64Array): void {
  for (let i = 0; i < n; i++) substitute(l, n, x, i, 0, i);
  for (let i = n - 1; i >= 0; i--) substitute(l, n, x, i, i + 1, n);
}

/** x[i] ← (x[i] − Σ_{start≤k<end} L[i, k]·x[k]) / L[i, i], of four x. */
function substitute(l: Float64Array, n: number, x: Float64Array, i: number, start: number, end: number): void {
  const row = i * n;
  const [x1, x2, x3] = [n, 2 * n, 3 * n];
  let s0 = x[i] as number;
  let s1 = x[x1 + i] as number;
  let s2 = x[x2 + i] as number;
  let s3 = x[x3 + i] as number;
  for (let k = start; k < end; k++) {
    const factor = l[row + k] as number;
    s0 -= factor * (x[k] as number);
    s1 -= factor * (x[x1 + k] as number);
    s2 -= factor * (x[x2 + k] as number);
    s3 -= factor * (x[x3 + k] as number);
  }
  const divisor = l[row + i] as number;
  x[i] = s0 / divisor;
  x[x1 + i] = s1 / divisor;
  x[x2 + i] = s2 / divisor;
  x[x3 + i] = s3 / divisor;
}
