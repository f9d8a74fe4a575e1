import { intOr, intsOr } from "../attributes.js";
import { elements, sameShape } from "../types.js";
import { broadcastShapes, type ShapeRule } from "./rule.js";

const concat: ShapeRule = (operands) => {
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

const split: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const axis = operands.axis(intOr(operands.attributes, "axis", 0), shape.length);
  const sizes = operands.integers(1) ?? operands.fail("the sizes of the parts must be given");
  if (sizes.some((size) => size < 0) || sizes.reduce((a, b) => a + b, 0) !== shape[axis]) {
    operands.fail(`parts of ${sizes.join(" + ")} don't make up axis ${axis}`);
  }
  return sizes.map((size) => ({ dtype, shape: shape.map((length, i) => (i === axis ? size : length)) }));
};

const slice: ShapeRule = (operands) => {
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

const reshape: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const wanted = operands.integers(1) ?? operands.fail("the shape is missing");
  const out = wanted.map((size, i) => (size === 0 ? (shape[i] ?? operands.fail(`no axis ${i} to copy`)) : size));
  const free = out.indexOf(-1);
  const known = elements(out.filter((size) => size !== -1));
  if (free >= 0) out[free] = elements(shape) / known;
  if (out.some((size) => !Number.isInteger(size) || size < 0) || elements(out) !== elements(shape)) {
    operands.fail(`${elements(shape)} elements don't fill [${wanted.join(", ")}]`);
  }
  return [{ dtype, shape: out }];
};

const transpose: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const permutation = intsOr(operands.attributes, "perm", shape.map((_, i) => i).reverse());
  if ([...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i) || permutation.length !== shape.length) {
    operands.fail(`[${permutation.join(", ")}] is not a permutation of ${shape.length} axes`);
  }
  return [{ dtype, shape: permutation.map((axis) => shape[axis] as number) }];
};

const expand: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const wanted = operands.integers(1) ?? operands.fail("the shape is missing");
  return [
    { dtype, shape: broadcastShapes(shape, wanted) ?? operands.fail(`doesn't broadcast to [${wanted.join(", ")}]`) },
  ];
};

const tile: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const repeats = operands.integers(1) ?? operands.fail("repeats are missing");
  if (repeats.length !== shape.length) operands.fail("a repeat per axis is needed");
  return [{ dtype, shape: shape.map((size, i) => size * (repeats[i] as number)) }];
};

const pad: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const pads = operands.integers(1) ?? operands.fail("pads are missing");
  if (pads.length !== 2 * shape.length) operands.fail(`${2 * shape.length} pads are needed`);
  const out = shape.map((size, i) => size + (pads[i] as number) + (pads[i + shape.length] as number));
  if (out.some((size) => size < 0)) operands.fail("crops more than there is");
  return [{ dtype, shape: out }];
};

const gather: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const indices = operands.required(1);
  if (indices.dtype !== "int64" && indices.dtype !== "int32") {
    operands.fail(`${indices.name} is ${indices.dtype}, not int32 or int64`);
  }
  const axis = operands.axis(intOr(operands.attributes, "axis", 0), shape.length);
  return [{ dtype, shape: [...shape.slice(0, axis), ...indices.shape, ...shape.slice(axis + 1)] }];
};

const squeeze: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const axes = operands.integers(1)?.map((axis) => operands.axis(axis, shape.length));
  if (axes?.some((axis) => shape[axis] !== 1)) operands.fail("an axis to squeeze isn't 1");
  return [{ dtype, shape: shape.filter((size, i) => (axes ? !axes.includes(i) : size !== 1)) }];
};

const unsqueeze: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const given = operands.integers(1) ?? operands.fail("axes are missing");
  const rank = shape.length + given.length;
  const axes = given.map((axis) => operands.axis(axis, rank));
  if (new Set(axes).size < axes.length) operands.fail("names an axis twice");
  const rest = [...shape];
  return [{ dtype, shape: Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : (rest.shift() as number))) }];
};

const flatten: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const axis = intOr(operands.attributes, "axis", 1);
  if (Math.abs(axis) > shape.length) operands.fail(`axis ${axis} lies past ${shape.length} axes`);
  return [{ dtype, shape: [elements(shape.slice(0, axis)), elements(shape.slice(axis))] }];
};

/** MaxUnpool with its output shape given; ScatterElements keeps its data's shape. */
const maxUnpool: ShapeRule = (operands) => {
  const shape = operands.integers(2) ?? operands.fail("the output shape must be given");
  return [{ dtype: operands.required(0).dtype, shape }];
};

const likeFirst: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  return [{ dtype, shape }];
};

export const arrangementShapes: Record<string, ShapeRule> = {
  Concat: concat,
  Split: split,
  Slice: slice,
  Reshape: reshape,
  Transpose: transpose,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  Gather: gather,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Flatten: flatten,
  MaxUnpool: maxUnpool,
  ScatterElements: likeFirst,
};
