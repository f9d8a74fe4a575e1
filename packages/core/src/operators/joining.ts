import { GraphError } from "../errors.js";
import {
  type Attributes,
  type ChannelRule,
  type GradientRule,
  int,
  integersOf,
  intOr,
  ofFirst,
  type ShapeRule,
  sameShape,
  union,
  unknownEffect,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { operator } from "./declare.js";
import { gatheredContent, joinedContent, slicedContent, splitContents } from "./placement.js";
import { expand, pad } from "./reshaping.js";
import { likeFirst } from "./shapes.js";

const axisOf = (attributes: Attributes, rank: number): number => {
  const axis = intOr(attributes, "axis", 0);
  return axis < 0 ? axis + rank : axis;
};

const concatShape: ShapeRule = (operands) => {
  const values = operands.inputs.map((_, i) => operands.required(i));
  const first = operands.required(0);
  const axis = operands.axis(intOr(operands.attributes, "axis", 0), first.shape.length);
  let size = 0;
  for (const value of values) {
    const aligned = value.shape.map((length, i) => (i === axis ? first.shape[i] : length));
    if (!sameShape(aligned as number[], first.shape)) operands.fail(`shapes differ beside axis ${axis}`);
    if (value.dtype !== first.dtype) operands.fail(`${value.name} is ${value.dtype}, ${first.name} ${first.dtype}`);
    size += value.shape[axis] as number;
  }
  return [{ dtype: first.dtype, shape: first.shape.map((length, i) => (i === axis ? size : length)) }];
};

/** Each part's gradient is its stretch of the whole's. */
const concatGradient: GradientRule = (node, [dy], wanted) => {
  if (!dy) return [];
  const axis = axisOf(node.attributes, dy.shape.length);
  let start = 0;
  return node.inputs.map((part, i) => {
    const end = start + (part?.shape[axis] ?? 0);
    const gradient = wanted[i] ? slice(dy, [{ axis, start, end }]) : undefined;
    start = end;
    return gradient;
  });
};

const concatChannels: ChannelRule = (node, trace) => {
  if (intOr(node.attributes, "axis", 0) !== 1) throw unknownEffect(node);
  const parts = node.inputs.map((part) => part && trace.of(part));
  if (parts.some((part) => part === undefined)) throw unknownEffect(node, "joins constants with channels");
  trace.set(node.outputs[0] as Value, parts.flat() as number[]);
};

export const Concat = operator("Concat", {
  shape: concatShape,
  evaluate: joinedContent,
  gradient: concatGradient,
  channels: concatChannels,
  reach: (node, inputs) => (intOr(node.attributes, "axis", 0) === 1 ? union(inputs) : "all"),
});

export const Split = operator("Split", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const axis = operands.axis(intOr(operands.attributes, "axis", 0), shape.length);
    const sizes = operands.integers(1) ?? operands.fail("the sizes of the parts must be given");
    if (sizes.some((size) => size < 0) || sizes.reduce((a, b) => a + b, 0) !== shape[axis]) {
      operands.fail(`parts of ${sizes.join(" + ")} don't make up axis ${axis}`);
    }
    return sizes.map((size) => ({ dtype, shape: shape.map((length, i) => (i === axis ? size : length)) }));
  },
  evaluate: splitContents,
  // The whole's gradient is its parts' put together, zeros where nothing depends on a part.
  gradient: (node, gradients) => {
    const x = node.inputs[0] as Value;
    const parts = node.outputs.map((part, i) => gradients[i] ?? expand(x.graph.scalar(0), part.shape));
    return [concat(parts, axisOf(node.attributes, x.shape.length))];
  },
  reach: ofFirst((node, spans) => (intOr(node.attributes, "axis", 0) === 1 ? spans : "all")),
});

const sliceShape: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const starts = operands.integers(1) ?? operands.fail("starts are missing");
  const ends = operands.integers(2) ?? operands.fail("ends are missing");
  const axes = operands.integers(3) ?? starts.map((_, i) => i);
  const steps = operands.integers(4) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length) {
    operands.fail("starts, ends, axes and steps differ in length");
  }
  const out = [...shape];
  axes.forEach((given, i) => {
    const axis = operands.axis(given, shape.length);
    const size = shape[axis] as number;
    const step = steps[i] as number;
    if (step === 0) operands.fail("a step of 0");
    const clamp = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high);
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const start = clamp(starts[i] as number, Math.max(low, 0), high);
    const end = (ends[i] as number) < -size ? low : clamp(ends[i] as number, low, high);
    out[axis] = Math.max(0, Math.ceil((end - start) / step));
  });
  return [{ dtype, shape: out }];
};

/** What was cut away gets zeros: a pad on each side. */
const sliceGradient: GradientRule = (node, [dy]) => {
  if (!dy) return [];
  const { shape } = node.inputs[0] as Value;
  const [starts, , axes, steps] = [1, 2, 3, 4].map((i) => integersOf(node.inputs[i]));
  if (steps?.some((step) => step !== 1)) throw new GraphError("Slice has a gradient rule for steps of 1 only");
  const before = shape.map(() => 0);
  starts?.forEach((start, i) => {
    const axis = ((axes?.[i] ?? i) + shape.length) % shape.length;
    const size = shape[axis] as number;
    before[axis] = Math.min(Math.max(start < 0 ? start + size : start, 0), size);
  });
  const after = shape.map((size, i) => size - (before[i] as number) - (dy.shape[i] as number));
  return [pad(dy, [...before, ...after])];
};

export const Slice = operator("Slice", {
  shape: sliceShape,
  evaluate: slicedContent,
  gradient: sliceGradient,
  reach: ofFirst(({ inputs }, spans) => (integersOf(inputs[3])?.every((axis) => axis === 1) ? spans : "all")),
});

export const Gather = operator("Gather", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const indices = operands.required(1);
    if (indices.dtype !== "int64" && indices.dtype !== "int32") {
      operands.fail(`${indices.name} is ${indices.dtype}, not int32 or int64`);
    }
    const axis = operands.axis(intOr(operands.attributes, "axis", 0), shape.length);
    return [{ dtype, shape: [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)] }];
  },
  evaluate: gatheredContent,
});

export const ScatterElements = operator("ScatterElements", { shape: likeFirst });

export const concat = (values: readonly Value[], axis: number): Value =>
  values.length === 1 ? (values[0] as Value) : single(Concat, values, { axis: int(axis) });

/** Parts of the given sizes along `axis`. */
export const split = (x: Value, sizes: readonly number[], axis: number): readonly Value[] =>
  x.graph.apply(Split, [x, x.graph.integers(sizes)], { axis: int(axis) });

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
  return single(Slice, ranges.some((r) => r.step !== undefined) ? [...inputs, column((r) => r.step ?? 1)] : inputs);
}

/** Slices of x along `axis` at integer `indices`. */
export const gather = (x: Value, indices: Value, axis: number): Value =>
  single(Gather, [x, indices], { axis: int(axis) });
