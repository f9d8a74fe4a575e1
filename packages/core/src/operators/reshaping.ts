import { GraphError } from "../errors.js";
import {
  alongBoth,
  type ChannelRule,
  elements,
  type GradientRule,
  int,
  integersOf,
  intOr,
  ints,
  intsOr,
  type Node,
  ofFirst,
  type Shape,
  sameShape,
  text,
  textOr,
  unknownEffect,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { operator } from "./declare.js";
import { sameElements } from "./evaluation.js";
import { unbroadcast } from "./gradient-rules.js";
import { expandedContent, tiledContent, transposedContent } from "./placement.js";
import { reduceSum } from "./reductions.js";
import { type AxisMap, adjoint } from "./separable.js";
import { broadcastShapes, likeFirst } from "./shapes.js";

const restored: GradientRule = (node, [dy]) => [dy && reshape(dy, (node.inputs[0] as Value).shape)];

export const Reshape = operator("Reshape", {
  shape: (operands) => {
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
  },
  evaluate: sameElements,
  gradient: restored,
});

export const Squeeze = operator("Squeeze", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const axes = operands.integers(1)?.map((axis) => operands.axis(axis, shape.length));
    if (axes?.some((axis) => shape[axis] !== 1)) operands.fail("an axis to squeeze isn't 1");
    return [{ dtype, shape: shape.filter((size, i) => (axes ? !axes.includes(i) : size !== 1)) }];
  },
  evaluate: sameElements,
  gradient: restored,
});

export const Unsqueeze = operator("Unsqueeze", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const given = operands.integers(1) ?? operands.fail("axes are missing");
    const rank = shape.length + given.length;
    const axes = new Set(given.map((axis) => operands.axis(axis, rank)));
    if (axes.size < given.length) operands.fail("names an axis twice");
    const rest = shape.values();
    const out = Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : (rest.next().value as number)));
    return [{ dtype, shape: out }];
  },
  evaluate: sameElements,
  gradient: restored,
});

export const Flatten = operator("Flatten", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const axis = intOr(operands.attributes, "axis", 1);
    if (Math.abs(axis) > shape.length) operands.fail(`axis ${axis} lies past ${shape.length} axes`);
    return [{ dtype, shape: [elements(shape.slice(0, axis)), elements(shape.slice(axis))] }];
  },
  evaluate: sameElements,
  gradient: restored,
});

export const Transpose = operator("Transpose", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const permutation = intsOr(operands.attributes, "perm", shape.map((_, i) => i).reverse());
    if ([...permutation].sort((a, b) => a - b).some((axis, i) => axis !== i) || permutation.length !== shape.length) {
      operands.fail(`[${permutation.join(", ")}] is not a permutation of ${shape.length} axes`);
    }
    return [{ dtype, shape: permutation.map((axis) => shape[axis] as number) }];
  },
  evaluate: transposedContent,
  gradient: (node, [dy]) => {
    if (!dy) return [];
    const reversed = dy.shape.map((_, i) => i).reverse();
    const permutation = intsOr(node.attributes, "perm", reversed);
    const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
    return [transpose(dy, inverse)];
  },
});

/** Along rows and columns each channel is repeated by itself; where their number is stated, they stay. */
const repeatedChannels: ChannelRule = (node, trace) => {
  const [x, sizes] = node.inputs as [Value, Value];
  const output = node.outputs[0] as Value;
  const repeated = x.shape.length !== 4 || output.shape.length !== 4 || x.shape[1] !== output.shape[1];
  if (repeated) throw unknownEffect(node);
  const channels = trace.of(x) ?? [];
  if (node.operator === Expand && sizes.data && integersOf(sizes)?.at(-3) !== 1) trace.fix(channels);
  trace.set(output, channels);
};

export const Expand = operator("Expand", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const wanted = operands.integers(1) ?? operands.fail("the shape is missing");
    const out = broadcastShapes(shape, wanted) ?? operands.fail(`doesn't broadcast to [${wanted.join(", ")}]`);
    return [{ dtype, shape: out }];
  },
  evaluate: expandedContent,
  channels: repeatedChannels,
  // Sum of the copies.
  gradient: (node, [dy]) => [dy && unbroadcast(dy, (node.inputs[0] as Value).shape)],
});

export const Tile = operator("Tile", {
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const repeats = operands.integers(1) ?? operands.fail("repeats are missing");
    if (repeats.length !== shape.length) operands.fail("a repeat per axis is needed");
    return [{ dtype, shape: shape.map((size, i) => size * (repeats[i] as number)) }];
  },
  evaluate: tiledContent,
  channels: repeatedChannels,
  // Sum of the copies.
  gradient: (node, [dy]) => {
    const { shape } = node.inputs[0] as Value;
    const repeats = integersOf(node.inputs[1]) ?? [];
    const copies =
      dy &&
      reshape(
        dy,
        shape.flatMap((size, i) => [repeats[i] as number, size]),
      );
    return [copies && reduceSum(copies, { axes: shape.map((_, i) => 2 * i) })];
  },
});

/** Sums from an axis' begin on, or from its end. */
export const CumSum = operator("CumSum", {
  shape: likeFirst,
  // Each element is in all sums from its own on: they add up the other way round.
  gradient: (node, [dy]) => {
    const reverse = int(1 - intOr(node.attributes, "reverse", 0));
    return [dy && single(CumSum, [dy, node.inputs[1]], { ...node.attributes, reverse })];
  },
});

/** Constants have no gradient: they are cut away, what a negative pad had cut away gets zeros. Repeated borders add up. */
const padGradient: GradientRule = (node, [dy], wanted) => {
  const mode = textOr(node.attributes, "mode", "constant");
  const pads = integersOf(node.inputs[1]) ?? [];
  if (!dy) return [];
  if (mode !== "constant") return [adjoint(dy, borders(node, pads, mode === "edge" ? edge : reflect))];
  if (wanted[2])
    throw new GraphError("Pad has no gradient rule for the value that it pads with, which must be a constant");
  return [
    pad(
      dy,
      pads.map((size) => -size),
    ),
  ];
};

type Border = (at: number, size: number) => number;

const edge: Border = (at, size) => Math.min(Math.max(at, 0), size - 1);

/** Mirrored at the border's own element: …2 1 | 0 1 2… */
const reflect: Border = (at, size) => {
  const period = Math.max(1, 2 * (size - 1));
  const within = ((at % period) + period) % period;
  return within < size ? within : period - within;
};

const borders = ({ inputs }: Node, pads: readonly number[], border: Border): AxisMap[] =>
  (inputs[0] as Value).shape.flatMap((size, axis, { length }) => {
    const [before, after] = [pads[axis] as number, pads[axis + length] as number];
    if (before === 0 && after === 0) return [];
    const outputs = Array.from({ length: before + size + after }, (_, i) => [[border(i - before, size), 1]] as const);
    return [{ axis, size, outputs }];
  });

/** Channels that are added are constants, which stay; so do those of a border that isn't 0, in their order. */
const paddedChannels: ChannelRule = (node, trace) => {
  const [x, , value] = node.inputs as [Value, Value, Value | undefined];
  const pads = integersOf(node.inputs[1]) ?? [];
  const [before = 0, after = 0] = [pads[1], pads[1 + x.shape.length]];
  const isZero = value?.data === undefined || value.data[0] === 0;
  const mode = textOr(node.attributes, "mode", "constant");
  const along = before !== 0 || after !== 0;
  if (x.shape.length !== 4 || before < 0 || after < 0 || (along && mode !== "constant")) throw unknownEffect(node);
  const channels = trace.of(x) ?? [];
  if (mode === "constant" && !isZero) trace.restrict(channels, "permutation");
  trace.set(node.outputs[0] as Value, [...trace.fixed(before), ...channels, ...trace.fixed(after)]);
};

export const Pad = operator("Pad", {
  channels: paddedChannels,
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const pads = operands.integers(1) ?? operands.fail("pads are missing");
    const mode = textOr(operands.attributes, "mode", "constant");
    if (!["constant", "edge", "reflect"].includes(mode)) operands.fail(`mode ${mode} is not supported`);
    if (pads.length !== 2 * shape.length) operands.fail(`${2 * shape.length} pads are needed`);
    const out = shape.map((size, i) => size + (pads[i] as number) + (pads[i + shape.length] as number));
    if (out.some((size) => size < 0)) operands.fail("crops more than there is");
    return [{ dtype, shape: out }];
  },
  gradient: padGradient,
  reach: ofFirst(({ inputs }, spans) => {
    const pads = integersOf(inputs[1]);
    if (pads?.length !== 8) return "all";
    return alongBoth(spans, ({ step, low, high }, axis) => {
      const before = step * (pads[2 + axis] as number);
      return { step, low: low - before, high: high - before };
    });
  }),
});

/** A reshape of a reshape is one of the first's input; to the same shape it is nothing. */
export function reshape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const source = x.producer?.operator === Reshape ? (x.producer.inputs[0] as Value) : x;
  return sameShape(source.shape, shape) ? source : single(Reshape, [source, x.graph.integers(shape)]);
}

export const transpose = (x: Value, permutation: readonly number[]): Value =>
  single(Transpose, [x], { perm: ints(permutation) });

export const expand = (x: Value, shape: Shape): Value => single(Expand, [x, x.graph.integers(shape)]);

/** Zeros around x, or borders repeated; negative pads crop. Begins of all axes, then ends. */
export const pad = (x: Value, pads: readonly number[], mode: "constant" | "edge" | "reflect" = "constant"): Value =>
  single(Pad, [x, x.graph.integers(pads)], mode === "constant" ? {} : { mode: text(mode) });
