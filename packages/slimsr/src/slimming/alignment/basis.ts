import type { ChannelGroup } from "@slimsr/core/internal/model/channels.js";
import type { Moments } from "../../calibration/moments.js";
import {
  addScaled,
  multiply,
  symmetricEigen,
  symmetricPower,
  traceOf,
  transposed,
} from "../linear-algebra/matrices.js";
import type { Basis } from "./align.js";
import { Selection } from "./forward-selection.js";

/**
 * How channels are aligned before they are split: `plain` leaves them as they are, `sort` puts the channels that matter most
 * first, `pca` rotates linear groups to their principal components and sorts the others, `balanced` takes any invertible matrix
 * on linear groups and weighs directions by what they do to the output.
 */
export const ALIGNMENTS = ["plain", "sort", "pca", "balanced"] as const;
export type Alignment = (typeof ALIGNMENTS)[number];

/** A basis for a group, from the moments of its taps. */
export function basisOf(group: ChannelGroup, taps: readonly Moments[], alignment: Alignment): Basis | undefined {
  if (alignment === "plain" || taps.length === 0) return undefined;
  if (group.freedom !== "linear" || alignment === "sort") {
    return { kind: "order", order: orderByGain(taps, group.size) };
  }
  return alignment === "pca" ? principalBasis(taps, group.size) : balancedBasis(taps, group.size);
}

/** Second moments of the taps, each divided by its trace, and added: every tap counts the same. */
function normalisedSum(matrices: readonly Float64Array[], n: number): Float64Array {
  const sum = new Float64Array(n * n);
  for (const matrix of matrices) {
    const trace = traceOf(matrix, n);
    if (trace > 0) addScaled(sum, matrix, 1 / trace);
  }
  return sum;
}

/** Eigenvectors of the second moment, largest eigenvalue first. */
function principalBasis(taps: readonly Moments[], n: number): Basis {
  const { vectors } = symmetricEigen(
    normalisedSum(
      taps.map(({ second }) => second),
      n,
    ),
    n,
  );
  return { kind: "matrix", matrix: vectors, inverse: transposed(vectors, n) };
}

/** Eigenvalues of the sensitivity below this share of their mean are raised to it: directions that hardly matter stay finite. */
const LEAST_SENSITIVITY = 1e-6;

/**
 * Balanced truncation: with P the second moment of the channels and Q that of the output's gradient with respect to them,
 * T = Q^(−1/2)·U, U the eigenvectors of Q^(1/2)·P·Q^(1/2), largest eigenvalue first: an error weighs as much as it changes the
 * output. Where no channel does, they are the principal components.
 */
function balancedBasis(taps: readonly Moments[], n: number): Basis {
  const [second, gradient] = [taps.map((tap) => tap.second), taps.map((tap) => tap.gradient)];
  if (gradient.every((matrix) => traceOf(matrix, n) === 0)) return principalBasis(taps, n);
  const sensitivity = symmetricEigen(normalisedSum(gradient, n), n);
  const root = symmetricPower(sensitivity, 1 / 2, LEAST_SENSITIVITY);
  const inverseRoot = symmetricPower(sensitivity, -1 / 2, LEAST_SENSITIVITY);
  const { vectors } = symmetricEigen(multiply(multiply(root, normalisedSum(second, n), n), root, n), n);
  return {
    kind: "matrix",
    matrix: multiply(inverseRoot, vectors, n),
    inverse: multiply(transposed(vectors, n), root, n),
  };
}

/**
 * Channels in the order in which they are best added, one after another (forward selection): each repairs most of what the output
 * lacks while the others are predicted from those before it, as refitting will.
 */
function orderByGain(taps: readonly Moments[], n: number): number[] {
  const selection = new Selection(taps, n);
  const left = new Set(Array.from({ length: n }, (_, c) => c));
  const order: number[] = [];
  while (left.size > 0) {
    let best = { channel: -1, gain: Number.NEGATIVE_INFINITY };
    for (const channel of left) {
      const gain = selection.gain(channel);
      if (gain > best.gain) best = { channel, gain };
    }
    selection.add(best.channel);
    left.delete(best.channel);
    order.push(best.channel);
  }
  return order;
}

/** A tap's moments in a basis: of x, and of the output's gradient with respect to it. */
export function inBasis({ mean, second, gradient }: Moments, basis: Basis | undefined): Moments {
  if (!basis) return { mean, second, gradient };
  const n = mean.length;
  if (basis.kind === "order") {
    const { order } = basis;
    const reordered = (matrix: Float64Array) =>
      matrix.map((_, at) => matrix[(order[Math.floor(at / n)] as number) * n + (order[at % n] as number)] as number);
    return {
      mean: mean.map((_, c) => mean[order[c] as number] as number),
      second: reordered(second),
      gradient: reordered(gradient),
    };
  }
  // x becomes T⁻¹·x, and its gradient Tᵀ·g.
  const turned = transposed(basis.matrix, n);
  return {
    mean: mean.map((_, j) => mean.reduce((sum, value, u) => sum + (basis.inverse[j * n + u] as number) * value, 0)),
    second: multiply(multiply(basis.inverse, second, n), basis.inverse, n, true),
    gradient: multiply(multiply(turned, gradient, n), turned, n, true),
  };
}

/** Channels of an activation that are a group's, and what becomes of them. */
interface Turned {
  readonly at: readonly number[];
  readonly basis: Basis | undefined;
  /** What each is multiplied with, once it is in the basis. */
  readonly factors: Float64Array;
}

/** First and second moments of an activation whose groups take their bases. */
export function turnedMoments(
  { mean, second }: Pick<Moments, "mean" | "second">,
  parts: readonly Turned[],
): Pick<Moments, "mean" | "second"> {
  const n = mean.length;
  let [turnedMean, turned] = [mean, second];
  for (const { at, basis, factors } of parts) {
    turnedMean = turnRows(turnedMean, 1, at, basis, factors);
    // Rows, then columns as the rows of the transpose; a second moment is symmetric.
    turned = transposed(turnRows(transposed(turnRows(turned, n, at, basis, factors), n), n, at, basis, factors), n);
  }
  return { mean: turnedMean, second: turned };
}

/** A matrix of `columns` columns with x' = f·T⁻¹·x in place of its rows `at`. */
function turnRows(
  matrix: Float64Array,
  columns: number,
  at: readonly number[],
  basis: Basis | undefined,
  factors: Float64Array,
): Float64Array {
  const result = matrix.slice();
  const entry = (row: number, column: number) => matrix[(at[row] as number) * columns + column] as number;
  at.forEach((to, j) => {
    for (let column = 0; column < columns; column++) {
      let value = 0;
      if (!basis) value = entry(j, column);
      else if (basis.kind === "order") value = entry(basis.order[j] as number, column);
      else for (let u = 0; u < at.length; u++) value += (basis.inverse[j * at.length + u] as number) * entry(u, column);
      result[to * columns + column] = (factors[j] as number) * value;
    }
  });
  return result;
}

/** What dropping channels is predicted to change in the output, as a mean square. */
export interface GroupLoss {
  /** What is lost without each aligned channel and those after it, less what is lost without those after it alone. */
  readonly perChannel: readonly number[];
  /** Whether several convolutions read the group at different places, as along a residual stream. */
  readonly shared: boolean;
}

/** @param taps in aligned channels */
export function lossOf(taps: readonly Moments[]): GroupLoss {
  const n = taps[0]?.mean.length ?? 0;
  const selection = new Selection(taps, n);
  const perChannel = Array.from({ length: n }, (_, c) => {
    const gain = selection.gain(c) / taps.length;
    selection.add(c);
    return gain;
  });
  return { perChannel, shared: taps.length > 1 };
}
