import {
  type Attributes,
  type ChannelRule,
  type Channels,
  type ChannelTrace,
  elements,
  type GradientRule,
  int,
  intOr,
  ints,
  intsOr,
  type Node,
  type Operands,
  type Operator,
  ofFirst,
  type ShapeRule,
  sameShape,
  showShape,
  unknownEffect,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { convInputGradient, convWeightGradient } from "./convolution-gradients.js";
import { operator } from "./declare.js";
import { requirePlanes } from "./geometry.js";
import { slice } from "./joining.js";
import { reduceSum } from "./reductions.js";
import {
  checkWindow,
  explicitWindow,
  slide,
  type TransposedWindow,
  transposedReach,
  transposedWindowOf,
  type WindowOptions,
  windowAttributes,
  windowReach,
} from "./windows.js";

function checkBias(operands: Operands, channels: number): void {
  const bias = operands.inputs[2];
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== channels)) {
    operands.fail(`bias ${bias.name} must have shape [${channels}]`);
  }
}

function checkKernel(operands: Operands, kernel: readonly number[]): void {
  const stated = intsOr(operands.attributes, "kernel_shape", kernel);
  if (!sameShape(stated, kernel)) operands.fail(`kernel_shape ${showShape(stated)} isn't the weight's`);
}

const convShape: ShapeRule = (operands) => {
  const x = operands.required(0);
  const weight = operands.ranked(1, x.shape.length);
  const [batch, channels, ...sizes] = x.shape;
  const [filters, perGroup, ...kernel] = weight.shape;
  const group = intOr(operands.attributes, "group", 1);
  if (batch === undefined || channels === undefined || filters === undefined || perGroup === undefined) {
    return operands.fail("needs at least a batch and a channel axis");
  }
  if (channels !== perGroup * group) operands.fail(`${channels} channels into a weight for ${perGroup * group}`);
  if (filters % group !== 0) operands.fail(`${filters} filters don't divide into ${group} groups`);
  checkBias(operands, filters);
  checkKernel(operands, kernel);
  return [{ dtype: x.dtype, shape: [batch, filters, ...slide(operands, sizes, kernel)] }];
};

/**
 * y[n,o,p] = Σ_{i,k} w[o,i,k]·x[n,i,s·p + d·k − pad] + b[o].
 * dx: the convolution's adjoint applied to dy. dw[o,i,k] = Σ_{n,p} dy[n,o,p]·x[n,i,s·p + d·k − pad]. db[o] = Σ_{n,p} dy[n,o,p].
 */
const convGradient: GradientRule = (node, [dy], wanted) => {
  requirePlanes(node);
  if (!dy) return [];
  const [x, weight] = node.inputs as [Value, Value];
  const attributes = explicitWindow(node);
  return [
    wanted[0] ? convInputGradient(dy, weight, x.shape, attributes) : undefined,
    wanted[1] ? convWeightGradient(x, dy, weight.shape, attributes) : undefined,
    wanted[2] ? biasGradient(dy) : undefined,
  ];
};

const biasGradient = (dy: Value): Value =>
  reduceSum(dy, { axes: dy.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis])) });

/**
 * y[n,o,s·p + d·k − pad] += w[i,o,k]·x[n,i,p]: the adjoint of the convolution by w, from y's channels to x's. So dx is that
 * convolution of dy, and dw its weight gradient, with dy as its input and x as its output's gradient. Outputs that no input adds
 * to are left out.
 */
const transposedGradient: GradientRule = (node, [dy], wanted) => {
  requirePlanes(node);
  if (!dy) return [];
  const [x, weight] = node.inputs as [Value, Value];
  const { kernel, pads, overhang, ...window } = transposedWindowOf(node);
  const read = slice(
    dy,
    overhang.map((size, i) => ({ axis: 2 + i, start: 0, end: (dy.shape[2 + i] as number) + Math.min(size, 0) })),
  );
  const options = { ...window, pads: [...pads.slice(0, 2), ...overhang.map((size) => Math.max(size, 0))] };
  const group = intOr(node.attributes, "group", 1);
  const attributes = { kernel_shape: ints(kernel), group: int(group), ...windowAttributes(options) };
  return [
    wanted[0] ? conv(read, weight, undefined, { ...options, group }) : undefined,
    wanted[1] ? convWeightGradient(read, x, weight.shape, attributes) : undefined,
    wanted[2] ? biasGradient(dy) : undefined,
  ];
};

/** Whether each channel of the input has a group of its own. */
const isDepthwise = ({ inputs, attributes }: Node): boolean => {
  const groups = intOr(attributes, "group", 1);
  return groups > 1 && groups === inputs[0]?.shape[1];
};

/**
 * A convolution mixes channels into fresh ones. In groups, it does so within each, and what is the same channel of each group is
 * kept or dropped together. A depthwise one acts on each channel by itself, of which it may make several.
 * @param writing the weight's axis of the channels that are made; the other of its first two is that of those that are read
 */
const mixedChannels =
  (writing: 0 | 1): ChannelRule =>
  (node, trace) => {
    const [x, weight, bias] = node.inputs;
    const output = node.outputs[0] as Value;
    const read = x && trace.of(x);
    if (!read || !weight) throw unknownEffect(node, "a convolution by an activation");
    const groups = intOr(node.attributes, "group", 1);
    const filters = output.shape[1] as number;
    const depthwise = isDepthwise(node);
    const written = depthwise ? read.flatMap((c) => Array<number>(filters / groups).fill(c)) : trace.fresh(filters);
    const role = depthwise ? "scales" : "writes";
    if (depthwise) {
      trace.restrict(read, "permutation");
      // Of one channel a group, the weight's second axis has what is within the group.
      trace.record(weight, 0, writing === 0 ? written : read, role);
    } else {
      tieAcross(trace, read, groups);
      tieAcross(trace, written, groups);
      const along = (channels: Channels, axis: number) => channels.slice(0, weight.shape[axis]);
      trace.record(weight, writing, along(written, writing), role);
      trace.record(weight, 1 - writing, along(read, 1 - writing), "reads");
      if (groups === 1 && filters === read.length && isPointwise(node)) trace.invertible(read, written);
    }
    if (bias) trace.record(bias, 0, written, role);
    trace.set(output, written);
  };

/** Ties the channels at the same place of each of `groups` equal parts. */
function tieAcross(trace: ChannelTrace, channels: Channels, groups: number): void {
  const size = channels.length / groups;
  for (let g = 1; g < groups; g++) trace.tie(channels.slice(0, size), channels.slice(g * size, (g + 1) * size));
}

/** A depthwise convolution has as many groups as its slimmed input has channels. */
const withOwnGroups = (node: Node, x: Value | undefined, attributes: Attributes = node.attributes): Attributes =>
  isDepthwise(node) ? { ...attributes, group: int(x?.shape[1] as number) } : attributes;

/** Whether each output position sees the same one of the input. */
const isPointwise = ({ inputs, outputs }: Node): boolean =>
  elements((inputs[1] as Value).shape.slice(2)) === 1 &&
  sameShape((inputs[0] as Value).shape.slice(2), (outputs[0] as Value).shape.slice(2));

const kernelOfWeight: Operator["impliedAttributes"] = ([, weight]) => ({
  ...(weight && { kernel_shape: ints(weight.shape.slice(2)) }),
});

const perWeight = ({ shape }: Value): number => elements(shape.slice(1));

export const Conv = operator("Conv", {
  shape: convShape,
  gradient: convGradient,
  channels: mixedChannels(0),
  reach: ofFirst(windowReach),
  cost: {
    ofWeights: true,
    multiplyAccumulates: ({ inputs, outputs }) => elements((outputs[0] as Value).shape) * perWeight(inputs[1] as Value),
  },
  impliedAttributes: kernelOfWeight,
  resizedAttributes: (node, [x]) => withOwnGroups(node, x),
  learned: [1, 2],
});

export const ConvTranspose = operator("ConvTranspose", {
  shape: (operands) => {
    const x = operands.required(0);
    const weight = operands.ranked(1, x.shape.length);
    const [batch, channels] = x.shape;
    const [inputs, perGroup, ...kernel] = weight.shape;
    if (batch === undefined || perGroup === undefined) {
      return operands.fail("needs at least a batch and a channel axis");
    }
    if (channels !== inputs) operands.fail(`${channels} channels into a weight for ${inputs}`);
    const filters = perGroup * intOr(operands.attributes, "group", 1);
    checkBias(operands, filters);
    checkKernel(operands, kernel);
    const window = transposedWindowOf(operands);
    checkWindow(operands, window);
    const { sizes: out } = window;
    if (out.length !== kernel.length) operands.fail(`output_shape doesn't have the kernel's ${kernel.length} axes`);
    if (out.some((size) => size < 1)) operands.fail("its pads leave nothing");
    const { strides, dilations } = window;
    if (paddedOutputs(window).some((size, i) => size >= Math.max(strides[i] as number, dilations[i] as number))) {
      operands.fail("output_padding or output_shape asks for outputs that no input reaches");
    }
    return [{ dtype: x.dtype, shape: [batch, filters, ...out] }];
  },
  gradient: transposedGradient,
  reach: ofFirst(transposedReach),
  cost: {
    ofWeights: true,
    multiplyAccumulates: ({ inputs }) => elements((inputs[0] as Value).shape) * perWeight(inputs[1] as Value),
  },
  impliedAttributes: kernelOfWeight,
  channels: mixedChannels(1),
  // A stated size holds for one input's size: its pads hold for all.
  resizedAttributes: (node, [x]) =>
    withOwnGroups(node, x, node.attributes.output_shape ? statedPads(node) : node.attributes),
  learned: [1, 2],
});

/** The attributes of a transposed convolution whose output's size is stated, with the pads that it follows from. */
function statedPads(node: Node): Attributes {
  const { output_shape: _, auto_pad: __, ...rest } = node.attributes;
  const window = transposedWindowOf(node);
  return { ...rest, pads: ints(window.pads), output_padding: ints(paddedOutputs(window)) };
}

/** The output padding that an output's size amounts to. */
const paddedOutputs = ({ pads, overhang }: TransposedWindow): number[] =>
  overhang.map((size, i) => (pads[i + overhang.length] as number) - size);

/** Convolution of x [N, C, H, W] with weight [O, C/group, kh, kw] and bias [O]. */
export function conv(x: Value, weight: Value, bias?: Value, options: WindowOptions & { group?: number } = {}): Value {
  const attributes = {
    kernel_shape: ints(weight.shape.slice(2)),
    ...windowAttributes(options),
    ...(options.group !== undefined && { group: int(options.group) }),
  };
  return single(Conv, bias ? [x, weight, bias] : [x, weight], attributes);
}

/** Transposed convolution of x [N, C, H, W] with weight [C, O/group, kh, kw] and bias [O]. */
export function convTranspose(
  x: Value,
  weight: Value,
  options: WindowOptions & { bias?: Value; group?: number; outputPadding?: readonly number[] } = {},
): Value {
  return single(ConvTranspose, options.bias ? [x, weight, options.bias] : [x, weight], {
    kernel_shape: ints(weight.shape.slice(2)),
    ...windowAttributes(options),
    ...(options.group !== undefined && { group: int(options.group) }),
    ...(options.outputPadding && { output_padding: ints(options.outputPadding) }),
  });
}
