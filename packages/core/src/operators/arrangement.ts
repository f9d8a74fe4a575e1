import { int, ints, text } from "../graph/attributes.js";
import type { Value } from "../graph/graph.js";
import { type Shape, sameShape } from "../graph/types.js";
import { single } from "./single.js";

export const concat = (values: readonly Value[], axis: number): Value =>
  values.length === 1 ? (values[0] as Value) : single("Concat", values, { axis: int(axis) });

/** Parts of the given sizes along `axis`. */
export const split = (x: Value, sizes: readonly number[], axis: number): readonly Value[] =>
  x.graph.apply("Split", [x, x.graph.integers(sizes)], { axis: int(axis) });

export interface SliceRange {
  axis: number;
  start: number;
  end: number;
  step?: number;
}

/** The ranges start ≤ i < end of the named axes, all of the others. */
export function slice(x: Value, ranges: readonly SliceRange[]): Value {
  const column = (pick: (range: SliceRange) => number) => x.graph.integers(ranges.map(pick));
  const inputs = [x, column((r) => r.start), column((r) => r.end), column((r) => r.axis)];
  return single("Slice", ranges.some((r) => r.step !== undefined) ? [...inputs, column((r) => r.step ?? 1)] : inputs);
}

/** A reshape of a reshape is one of the first's input; to the same shape it is nothing. */
export function reshape(x: Value, shape: Shape): Value {
  const source = x.producer?.operator === "Reshape" ? (x.producer.inputs[0] as Value) : x;
  return sameShape(source.shape, shape) ? source : single("Reshape", [source, x.graph.integers(shape)]);
}

export const transpose = (x: Value, permutation: readonly number[]): Value =>
  single("Transpose", [x], { perm: ints(permutation) });

export const expand = (x: Value, shape: Shape): Value => single("Expand", [x, x.graph.integers(shape)]);

/** Zeros around x, or borders repeated; negative pads crop. Begins of all axes, then ends. */
export const pad = (x: Value, pads: readonly number[], mode: "constant" | "edge" | "reflect" = "constant"): Value =>
  single("Pad", [x, x.graph.integers(pads)], mode === "constant" ? {} : { mode: text(mode) });

/** Slices of x along `axis` at integer `indices`. */
export const gather = (x: Value, indices: Value, axis: number): Value =>
  single("Gather", [x, indices], { axis: int(axis) });
