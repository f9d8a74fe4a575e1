import { NetworkError } from "@slimsr/core/internal/errors.js";
import type { Shape } from "@slimsr/core/internal/graph/index.js";
import type { AxisRole, Units } from "@slimsr/core/internal/model/channels.js";
import { channelAnalysis, type Model } from "@slimsr/core/internal/model/model.js";
import { type ParameterMap, required } from "@slimsr/core/internal/networks/index.js";

/**
 * New channels of a group. `order`: channel j is what channel order[j] was. `matrix`: x becomes T⁻¹·x, so that what wrote x is
 * multiplied by T⁻¹ and what reads it by T; only where all is linear.
 */
export type Basis =
  | { readonly kind: "order"; readonly order: readonly number[] }
  | { readonly kind: "matrix"; readonly matrix: Float64Array; readonly inverse: Float64Array };

/**
 * The same network in other channels: each group's basis is folded into the parameters that meet it. The output stays what it
 * was, to rounding.
 * @param bases one per group; undefined leaves a group as it is
 * @throws NetworkError where a basis is more than a group is free to take
 */
export function align(model: Model, bases: readonly (Basis | undefined)[]): Model {
  const { parameters } = model;
  const { groups, unitsOf } = channelAnalysis(model);
  const aligned: ParameterMap = new Map();
  for (const name of parameters.keys()) aligned.set(name, required(parameters, name));
  groups.forEach((group, g) => {
    const basis = bases[g];
    if (!basis) return;
    checkBasis(basis, group.size, group.freedom === "linear", model.graph.name);
    for (const { parameter, axis, role } of group.axes) {
      const { shape, data } = required(aligned, parameter.name);
      const units = unitsOf(parameter, axis) as Units;
      const copies = occurrences(units, group.first, group.size);
      aligned.set(parameter.name, { shape, data: transformAxis(data, shape, axis, copies, basis, role) });
    }
  });
  return { ...model, parameters: aligned };
}

function checkBasis(basis: Basis, size: number, linear: boolean, network: string): void {
  const expected = basis.kind === "order" ? basis.order.length : Math.sqrt(basis.matrix.length);
  if (expected !== size) throw new NetworkError(`${network}: a basis of ${expected} channels for a group of ${size}`);
  if (basis.kind === "matrix" && !linear) {
    throw new NetworkError(
      `${network}: only the order of these ${size} channels is free, something acts on each of them`,
    );
  }
  if (basis.kind === "order" && new Set(basis.order).size !== size) {
    throw new NetworkError(`${network}: [${basis.order.join(", ")}] is not a permutation`);
  }
}

/** Where a group's units stand along an axis: a list of all units per occurrence (part of a concat, sub-pixel of a shuffle). */
export function occurrences(units: Units, first: number, size: number): number[][] {
  const copies: number[][] = [];
  const seen = new Int32Array(size);
  units.forEach((unit, index) => {
    if (unit === undefined || unit < first || unit >= first + size) return;
    const copy = seen[unit - first] as number;
    seen[unit - first] = copy + 1;
    copies[copy] ??= new Array<number>(size).fill(-1);
    (copies[copy] as number[])[unit - first] = index;
  });
  return copies;
}

function transformAxis(
  data: Float32Array,
  shape: Shape,
  axis: number,
  copies: readonly (readonly number[])[],
  basis: Basis,
  role: AxisRole,
): Float32Array {
  const size = shape[axis] as number;
  const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const result = data.slice();
  for (let o = 0; o < outer; o++) {
    for (const copy of copies) {
      const starts = copy.map((index) => (o * size + index) * inner);
      if (basis.kind === "order") reorder(data, result, starts, inner, basis.order);
      else transform(data, result, starts, inner, basis, role);
    }
  }
  return result;
}

/** Channel j becomes what channel order[j] was. @param starts of each channel's `inner` values */
function reorder(
  data: Float32Array,
  result: Float32Array,
  starts: readonly number[],
  inner: number,
  order: readonly number[],
): void {
  starts.forEach((at, j) => {
    const from = starts[order[j] as number] as number;
    result.set(data.subarray(from, from + inner), at);
  });
}

/** Channels that are made at once: each value that is read serves all of them. */
const BLOCK = 4;

/** What writes: Σ_u T⁻¹[j, u] · w[u]. What reads: Σ_u w[u] · T[u, j]. @param starts of each channel's `inner` values */
function transform(
  data: Float32Array,
  result: Float32Array,
  starts: readonly number[],
  inner: number,
  { matrix, inverse }: Extract<Basis, { kind: "matrix" }>,
  role: AxisRole,
): void {
  const n = starts.length;
  const factorOf = (j: number, u: number): number =>
    j < n ? ((role === "writes" ? inverse[j * n + u] : matrix[u * n + j]) as number) : 0;
  const rows = Array.from({ length: BLOCK }, () => new Float64Array(inner));
  const [r0, r1, r2, r3] = rows as [Float64Array, Float64Array, Float64Array, Float64Array];
  for (let j = 0; j < n; j += BLOCK) {
    for (const row of rows) row.fill(0);
    for (let u = 0; u < n; u++) {
      const from = starts[u] as number;
      const [f0, f1, f2, f3] = [factorOf(j, u), factorOf(j + 1, u), factorOf(j + 2, u), factorOf(j + 3, u)];
      for (let i = 0; i < inner; i++) {
        const value = data[from + i] as number;
        r0[i] = (r0[i] as number) + f0 * value;
        r1[i] = (r1[i] as number) + f1 * value;
        r2[i] = (r2[i] as number) + f2 * value;
        r3[i] = (r3[i] as number) + f3 * value;
      }
    }
    for (const [k, row] of rows.slice(0, n - j).entries()) result.set(row, starts[j + k] as number);
  }
}
