import { ints, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import { convWeightGradient } from "@slimsr/core/internal/operators/convolution-gradients.js";
import { type Border, geometryOf, isPlain } from "@slimsr/core/internal/operators/geometry.js";
import { reduceSum, slice } from "@slimsr/core/internal/operators/index.js";
import { weightGradient } from "@slimsr/core/internal/operators/weight-gradient.js";
import { toRows } from "./normal-equations.js";
import type { Output, Sought } from "./sought.js";

/** Taps along a side, and in all, of the kernels that these sums are for. */
const SIDE = 3;
const TAPS = SIDE ** 2;

/** Positions along an axis that sums are over. */
const STRETCHES = ["all", "first", "last"] as const;
type Stretch = (typeof STRETCHES)[number];

/** Whether a convolution is one of 3×3 whose output is as large as its input, as nearly all of restoration networks' are. */
export function isCorrelated(node: Node): boolean {
  const geometry = geometryOf(node);
  return isPlain(geometry) && geometry.kernel.every((side) => side === SIDE) && geometry.pads.every((pad) => pad === 1);
}

/**
 * The sums of the equations of a convolution of 3×3. What taps at offsets o₁ and o₂ see together, Σₚ x(p + o₁)·x(p + o₂)ᵀ, depends on
 * d = o₂ − o₁ alone, but for the first or last row or column, which a tap beside the centre leaves out. So correlations of x with itself
 * at 15 distances, and those within its border, take the place of 81 products. A correlation is the gradient of a convolution's weight,
 * with x in the place of the output's gradient. A batch adds outputs `pairs.ROWS.COLUMNS` [C, C, dy, dx] and `mean.ROWS.COLUMNS` [C] for the
 * Gram matrix, `taps` [O, C, 3, 3] and `constant` [O] for what targets have in common with features.
 */
export function declareCorrelations(x: Value, target: Value, sought: readonly Sought[], output: Output): void {
  const [channels, filters] = [x, target].map(({ shape }) => shape[1]) as [number, number];
  if (sought.includes("cross")) {
    const [kernel, pads] = [ints([SIDE, SIDE]), ints([1, 1, 1, 1])];
    output("taps", convWeightGradient(x, target, [filters, channels, SIDE, SIDE], { kernel_shape: kernel, pads }));
    output("constant", overPositions(target));
  }
  if (!sought.includes("gram")) return;
  for (const rows of STRETCHES) {
    for (const columns of STRETCHES) {
      const part = within(within(x, 2, rows), 3, columns);
      const [down, across] = [reachOf(rows), reachOf(columns)];
      output(`pairs.${rows}.${columns}`, correlation(part, [down + 1, 2 * across + 1], [0, across, down, across]));
      output(`mean.${rows}.${columns}`, overPositions(part));
    }
  }
}

/** Rows or columns that two taps are apart at most, where both see one of these. */
const reachOf = (stretch: Stretch): number => (stretch === "all" ? SIDE - 1 : 0);

/**
 * Σ x(q)·x(q + d)ᵀ over batch and positions q, x being zero beyond its border: [C, C, high, wide] for d from (−top, −left) on. By products: a blocked
 * convolution adds up all samples' positions in one float, at eight times the rounding, and what refitting solves feels it.
 */
function correlation(x: Value, kernel: readonly [number, number], pads: Border): Value {
  const channels = x.shape[1] as number;
  const geometry = { kernel, pads, strides: [1, 1], dilations: [1, 1], group: 1 } as const;
  return weightGradient(x, x, [channels, channels, ...kernel], geometry);
}

const overPositions = (x: Value): Value => reduceSum(x, { axes: [0, 2, 3] });

function within(x: Value, axis: number, stretch: Stretch): Value {
  if (stretch === "all") return x;
  const length = x.shape[axis] as number;
  return slice(x, [{ axis, ...(stretch === "first" ? { start: 0, end: 1 } : { start: length - 1, end: length }) }]);
}

/** Sums by the names of the outputs that were added up. */
type Sums = (name: string) => Float64Array;

/** Where sums over what taps at two offsets see are found along an axis: all positions, less the row or column that both leave out. */
function stretchesOf(first: number, second: number): [stretch: Stretch, sign: 1 | -1][] {
  if (first !== second || first === 0) return [["all", 1]];
  return [
    ["all", 1],
    [first < 0 ? "last" : "first", -1],
  ];
}

const offsetOf = (tap: number): [row: number, column: number] => [Math.floor(tap / SIDE) - 1, (tap % SIDE) - 1];

/**
 * Σ a·aᵀ, [F, F], of features tap by tap, the constant last where the convolution has a bias.
 * @param positions that there were in all
 */
export function gramOfCorrelations(sums: Sums, channels: number, biased: boolean, positions: number): Float64Array {
  const features = TAPS * channels + (biased ? 1 : 0);
  const gram = new Float64Array(features ** 2);
  const put = (row: number, column: number, value: number) => {
    gram[row * features + column] = value;
    gram[column * features + row] = value;
  };
  for (let first = 0; first < TAPS; first++) {
    const [top, left] = offsetOf(first);
    // Taps in the order of rows: the second is below the first, or beside it.
    for (let second = first; second < TAPS; second++) {
      const [bottom, right] = offsetOf(second);
      const parts = stretchesOf(top, bottom).flatMap(([rows, above]) =>
        stretchesOf(left, right).map(([columns, beside]) => {
          const across = reachOf(columns);
          const wide = 2 * across + 1;
          const at = (bottom - top) * wide + right - left + across;
          return { sum: sums(`pairs.${rows}.${columns}`), sign: above * beside, at, step: (reachOf(rows) + 1) * wide };
        }),
      );
      for (let i = 0; i < channels; i++) {
        for (let j = 0; j < channels; j++) {
          let value = 0;
          for (const { sum, sign, at, step } of parts) value += sign * (sum[(i * channels + j) * step + at] as number);
          put(first * channels + i, second * channels + j, value);
        }
      }
    }
    if (!biased) continue;
    for (let i = 0; i < channels; i++) {
      let value = 0;
      for (const [rows, above] of stretchesOf(top, top)) {
        for (const [columns, beside] of stretchesOf(left, left)) {
          value += above * beside * (sums(`mean.${rows}.${columns}`)[i] as number);
        }
      }
      put(features - 1, first * channels + i, value);
    }
  }
  if (biased) put(features - 1, features - 1, positions);
  return gram;
}

/** Σ r·aᵀ, [O, F], of the targets r. */
export function crossOfCorrelations(sums: Sums, filters: number, channels: number, biased: boolean): Float64Array {
  const features = TAPS * channels + (biased ? 1 : 0);
  return toRows({ weight: sums("taps"), ...(biased && { bias: sums("constant") }) }, filters, features, TAPS);
}
