import { GraphError } from "../errors.js";
import {
  type Attributes,
  alongBoth,
  type ChannelRule,
  type GradientRule,
  gatherSelection,
  int,
  integersOf,
  intOr,
  type Node,
  ofFirst,
  type ReachRule,
  type ShapeRule,
  sameShape,
  selectedChannels,
  sliceSelection,
  splitSelection,
  union,
  unknownEffect,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { operator } from "./declare.js";
import { gatheredContent, joinedContent, slicedContent, splitContents } from "./placement.js";
import { expand, pad, reshape } from "./reshaping.js";
import { adjoint } from "./separable.js";
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

/** Planes that don't depend on an image, such as a map of the noise's level, stay. Side by side along another axis, channels are tied. */
const concatChannels: ChannelRule = (node, trace) => {
  const output = node.outputs[0] as Value;
  if (output.shape.length !== 4) throw unknownEffect(node);
  const parts = (node.inputs as Value[]).map((part) => trace.of(part) ?? trace.fixed(part.shape[1] as number));
  if (axisOf(node.attributes, 4) === 1) {
    trace.set(output, parts.flat());
    return;
  }
  const [first = [], ...others] = parts;
  for (const part of others) trace.tie(first, part);
  trace.set(output, first);
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
  channels: selectedChannels,
  selection: splitSelection,
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
  axes.forEach((axis) => {
    operands.axis(axis, shape.length);
  });
  if (steps.includes(0)) operands.fail("a step of 0");
  const out = [...shape];
  for (const { axis, count } of cutsOf(operands)) out[axis] = count;
  return [{ dtype, shape: out }];
};

/** A range of an axis: `count` indices from `start`, `step` apart. */
interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** The ranges of a slice whose operands fit. */
function cutsOf({ inputs: [x, ...columns] }: Pick<Node, "inputs">): Cut[] {
  const { shape } = x as Value;
  const [starts = [], ends = [], axes, steps] = columns.map(integersOf);
  return starts.map((from, i) => {
    const axis = (axes?.[i] ?? i) + ((axes?.[i] ?? i) < 0 ? shape.length : 0);
    const [size, step, to] = [shape[axis] as number, steps?.[i] ?? 1, ends[i] as number];
    const clamp = (at: number, low: number, high: number) => Math.min(Math.max(at < 0 ? at + size : at, low), high);
    const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
    const start = clamp(from, Math.max(low, 0), high);
    const end = to < -size ? low : clamp(to, low, high);
    return { axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)) };
  });
}

/** Zeros between what steps had left out, then around it where the slice had cut. Steps backwards are turned round first. */
const sliceGradient: GradientRule = (node, [dy]) => {
  if (!dy) return [];
  const { shape } = node.inputs[0] as Value;
  const cuts = cutsOf(node).filter(({ count }) => count > 0);
  const backwards = cuts.filter(({ step }) => step < 0).map(({ axis }) => axis);
  const turned = backwards.length > 0 ? reversed(dy, backwards) : dy;
  const spread = cuts.reduce((value, { axis, step }) => spaced(value, axis, Math.abs(step)), turned);
  const before = shape.map(() => 0);
  for (const { axis, start, step, count } of cuts) before[axis] = step < 0 ? start + (count - 1) * step : start;
  const after = shape.map((size, axis) => size - (before[axis] as number) - (spread.shape[axis] as number));
  return [pad(spread, [...before, ...after])];
};

const reversed = (x: Value, axes: readonly number[]): Value =>
  slice(
    x,
    axes.map((axis) => ({ axis, start: -1, end: Number.MIN_SAFE_INTEGER, step: -1 })),
  );

/** step − 1 zeros behind each element along an axis. */
function spaced(x: Value, axis: number, step: number): Value {
  if (step === 1) return x;
  const [before, size, after] = [x.shape.slice(0, axis), x.shape[axis] as number, x.shape.slice(axis + 1)];
  const apart = reshape(x, [...before, size, 1, ...after]);
  const none = apart.shape.map(() => 0);
  const padded = pad(apart, [...none, ...none.map((_, i) => (i === axis + 1 ? step - 1 : 0))]);
  return reshape(padded, [...before, size * step, ...after]);
}

/** What sizes go through on their way to being multiples of sizes. */
const OF_SIZES: readonly string[] = ["Cast", "Concat", "Gather", "Mul", "Slice", "Squeeze", "Unsqueeze"];

/** Whether a value is in proportion to sizes of images: what it is of one image tells what it is of others. */
const isOfSizes = ({ producer }: Value): boolean =>
  producer !== undefined &&
  (producer.operator.name === "Shape" ||
    (OF_SIZES.includes(producer.operator.name) && producer.inputs.some((value) => value && isOfSizes(value))));

/** Ends from here on are the axis' own. */
const ANY_END = 2 ** 31 - 1;

/** Without pixels at a begin, the others lie that much nearer; what is left must end with the image, not at some place. */
const slicedReach: ReachRule = ofFirst(({ inputs }, spans) => {
  const [starts = [], ends = [], axes, steps] = [1, 2, 3, 4].map((i) => integersOf(inputs[i]));
  const { shape } = inputs[0] as Value;
  const followsSize = inputs[2] !== undefined && inputs[2].data === undefined && isOfSizes(inputs[2]);
  const isCropped = (i: number): boolean => {
    const [start, end, step] = [starts[i] as number, ends[i] as number, steps?.[i] ?? 1];
    const isEnd = end < 0 || end >= ANY_END || (followsSize && end >= (shape[axes?.[i] ?? i] as number));
    return start >= 0 && isEnd && step === 1;
  };
  if (!axes?.every((axis, i) => axis === 1 || (axis > 1 && isCropped(i)))) return "all";
  return alongBoth(spans, ({ step, low, high }, axis) => {
    const before = step * (starts[axes.indexOf(2 + axis)] ?? 0);
    return { step, low: low + before, high: high + before };
  });
});

export const Slice = operator("Slice", {
  shape: sliceShape,
  evaluate: slicedContent,
  gradient: sliceGradient,
  channels: selectedChannels,
  selection: sliceSelection,
  reach: slicedReach,
});

/** Each index's slice of the gradient is added where it was taken. */
const gatherGradient: GradientRule = (node, [dy], wanted) => {
  const [x, indices] = node.inputs as [Value, Value];
  if (!dy || !wanted[0]) return [];
  const taken = integersOf(indices);
  if (!taken) throw new GraphError(`Gather (output ${dy.name}) has a gradient rule for indices that are known only`);
  const axis = axisOf(node.attributes, x.shape.length);
  const size = x.shape[axis] as number;
  const rows = taken.map((index) => (index < 0 ? index + size : index));
  const flat = reshape(dy, [...x.shape.slice(0, axis), rows.length, ...x.shape.slice(axis + 1)]);
  if (new Set(rows).size === rows.length) return [putBack(flat, axis, rows, size)];
  return [adjoint(flat, [{ axis, size, outputs: rows.map((index) => [[index, 1]]) }])];
};

/** Slices along `axis` at the `rows` that they came from, zeros at the others of `size`. */
function putBack(x: Value, axis: number, rows: readonly number[], size: number): Value {
  const sources = Array<number>(size).fill(rows.length);
  rows.forEach((row, i) => {
    sources[row] = i;
  });
  const none = x.shape.map(() => 0);
  const padded = rows.length < size ? pad(x, [...none, ...none.map((_, i) => (i === axis ? 1 : 0))]) : x;
  return gather(padded, x.graph.integers(sources), axis);
}

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
  channels: selectedChannels,
  selection: gatherSelection,
  evaluate: gatheredContent,
  gradient: gatherGradient,
  reach: ofFirst((node, spans) => (intOr(node.attributes, "axis", 0) === 1 ? spans : "all")),
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
