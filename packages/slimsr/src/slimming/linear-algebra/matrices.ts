import { EigenvalueDecomposition, Matrix } from "ml-matrix";

/** Matrices are row-major Float64Arrays, square ones of n² elements. */

export const identityMatrix = (n: number): Float64Array => {
  const matrix = new Float64Array(n * n);
  for (let i = 0; i < n; i++) matrix[i * n + i] = 1;
  return matrix;
};

export const traceOf = (matrix: Float64Array, n: number): number => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += matrix[i * n + i] as number;
  return sum;
};

/** target += factor · matrix, of any size. */
export function addScaled(target: Float64Array, matrix: ArrayLike<number>, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] as number) + factor * (matrix[i] as number);
}

/** A · B, or A · Bᵀ. */
export function multiply(a: Float64Array, b: Float64Array, n: number, transposeRight = false): Float64Array {
  const right = transposeRight ? b : transposed(b, n);
  const product = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += (a[i * n + k] as number) * (right[j * n + k] as number);
      product[i * n + j] = sum;
    }
  }
  return product;
}

/** [rows, columns] → [columns, rows]; a square matrix where `columns` is left out. */
export function transposed(matrix: Float64Array, rows: number, columns = rows): Float64Array {
  const turned = new Float64Array(matrix.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = matrix[i * columns + j] as number;
  }
  return turned;
}

export interface Eigen {
  /** Largest first. */
  readonly values: Float64Array;
  /** Eigenvectors in columns. */
  readonly vectors: Float64Array;
}

/** Eigenvalues and eigenvectors of a symmetric matrix. */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  const decomposition = new EigenvalueDecomposition(Matrix.from1DArray(n, n, matrix), { assumeSymmetric: true });
  const unsorted = decomposition.realEigenvalues;
  const order = unsorted.map((_, i) => i).sort((a, b) => (unsorted[b] as number) - (unsorted[a] as number));
  const values = Float64Array.from(order, (i) => unsorted[i] as number);
  const vectors = new Float64Array(n * n);
  const columns = decomposition.eigenvectorMatrix;
  order.forEach((from, to) => {
    for (let row = 0; row < n; row++) vectors[row * n + to] = columns.get(row, from);
  });
  return { values, vectors };
}

/** V · diag(λ^exponent) · Vᵀ of a symmetric positive semidefinite matrix, eigenvalues below `floor` · their mean raised to that. */
export function symmetricPower({ values, vectors }: Eigen, exponent: number, floor: number): Float64Array {
  const n = values.length;
  const least = Math.max(floor * (values.reduce((a, b) => a + b, 0) / n), Number.MIN_VALUE);
  const scaled = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      scaled[i * n + j] = (vectors[i * n + j] as number) * Math.max(values[j] as number, least) ** exponent;
    }
  }
  return multiply(scaled, vectors, n, true);
}
