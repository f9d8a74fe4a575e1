import { intOr, intsOr, textOr } from "../attributes.js";
import { sameShape, showShape } from "../types.js";
import type { Operands, ShapeRule, TensorType } from "./rule.js";

/** The window of a convolution or pooling over the last axes of an NCHW tensor. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begins of all axes, then ends. */
  readonly pads: readonly number[];
}

function window(operands: Operands, kernel: readonly number[]): Window {
  const { attributes } = operands;
  const autoPad = textOr(attributes, "auto_pad", "NOTSET");
  if (autoPad !== "NOTSET" && autoPad !== "VALID") operands.fail(`auto_pad ${autoPad} is not supported; write pads`);
  const rank = kernel.length;
  const read: Window = {
    kernel,
    strides: intsOr(attributes, "strides", Array(rank).fill(1)),
    dilations: intsOr(attributes, "dilations", Array(rank).fill(1)),
    pads: intsOr(attributes, "pads", Array(2 * rank).fill(0)),
  };
  if (read.strides.length !== rank || read.dilations.length !== rank || read.pads.length !== 2 * rank) {
    operands.fail(`strides, dilations or pads don't have the kernel's ${rank} axes`);
  }
  if ([...kernel, ...read.strides, ...read.dilations].some((size) => size < 1) || read.pads.some((pad) => pad < 0)) {
    operands.fail("kernel, strides and dilations must be at least 1, pads at least 0");
  }
  return read;
}

function slide(operands: Operands, sizes: readonly number[], { kernel, strides, dilations, pads }: Window): number[] {
  const partial = intOr(operands.attributes, "ceil_mode", 0) !== 0;
  return sizes.map((size, i) => {
    const extent = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    const [stride, before] = [strides[i] as number, pads[i] as number];
    const room = size + before + (pads[i + kernel.length] as number) - extent;
    if (room < 0) operands.fail(`a kernel of extent ${extent} doesn't fit size ${size} with its padding`);
    const whole = Math.floor(room / stride) + 1;
    // A window that hangs over the end counts if it starts before the padding there.
    return partial && room % stride > 0 && whole * stride < size + before ? whole + 1 : whole;
  });
}

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

const conv: ShapeRule = (operands) => {
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
  return [{ dtype: x.dtype, shape: [batch, filters, ...slide(operands, sizes, window(operands, kernel))] }];
};

const convTranspose: ShapeRule = (operands) => {
  const x = operands.required(0);
  const weight = operands.ranked(1, x.shape.length);
  const [batch, channels, ...sizes] = x.shape;
  const [inputs, perGroup, ...kernel] = weight.shape;
  if (batch === undefined || perGroup === undefined) return operands.fail("needs at least a batch and a channel axis");
  if (channels !== inputs) operands.fail(`${channels} channels into a weight for ${inputs}`);
  const { strides, dilations, pads } = window(operands, kernel);
  const extra = intsOr(operands.attributes, "output_padding", Array(kernel.length).fill(0));
  const filters = perGroup * intOr(operands.attributes, "group", 1);
  checkBias(operands, filters);
  checkKernel(operands, kernel);
  if ("output_shape" in operands.attributes) operands.fail("output_shape is not supported; write pads");
  const out = sizes.map(
    (size, i) =>
      (size - 1) * (strides[i] as number) +
      ((kernel[i] as number) - 1) * (dilations[i] as number) +
      1 -
      (pads[i] as number) -
      (pads[i + kernel.length] as number) +
      (extra[i] ?? 0),
  );
  if (out.some((size) => size < 1)) operands.fail("its pads leave nothing");
  return [{ dtype: x.dtype, shape: [batch, filters, ...out] }];
};

function pool(withIndices: boolean): ShapeRule {
  return (operands) => {
    const { dtype, shape } = operands.required(0);
    const [batch, channels, ...sizes] = shape;
    if (batch === undefined || channels === undefined) return operands.fail("needs a batch and a channel axis");
    const kernel = intsOr(operands.attributes, "kernel_shape", []);
    if (kernel.length !== sizes.length) operands.fail(`kernel_shape must have ${sizes.length} axes`);
    const out: TensorType = { dtype, shape: [batch, channels, ...slide(operands, sizes, window(operands, kernel))] };
    return withIndices ? [out, { dtype: "int64", shape: out.shape }] : [out];
  };
}

const globalPool: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  return [{ dtype, shape: shape.map((size, i) => (i < 2 ? size : 1)) }];
};

const depthToSpace: ShapeRule = (operands) => {
  const { dtype, shape } = operands.ranked(0, 4);
  const [batch, channels, height, width] = shape as [number, number, number, number];
  const block = intOr(operands.attributes, "blocksize", 0);
  if (block < 1 || channels % block ** 2)
    operands.fail(`${channels} channels don't divide into blocks of ${block}×${block}`);
  return [{ dtype, shape: [batch, channels / block ** 2, height * block, width * block] }];
};

const spaceToDepth: ShapeRule = (operands) => {
  const { dtype, shape } = operands.ranked(0, 4);
  const [batch, channels, height, width] = shape as [number, number, number, number];
  const block = intOr(operands.attributes, "blocksize", 0);
  if (block < 1 || height % block || width % block)
    operands.fail(`${height}×${width} doesn't divide into blocks of ${block}`);
  return [{ dtype, shape: [batch, channels * block ** 2, height / block, width / block] }];
};

/** Leaves ONNX Runtime's blocked layout, and drops the channels that filled the last block. */
const reorderOutput: ShapeRule = (operands) => {
  const { dtype, shape } = operands.ranked(0, 4);
  const channels = intOr(operands.attributes, "channels", 0);
  const [batch, , height, width] = shape as [number, number, number, number];
  const last = intOr(operands.attributes, "channels_last", 0) !== 0;
  return [{ dtype, shape: last ? [batch, height, width, channels] : [batch, channels, height, width] }];
};

const stated: ShapeRule = (operands) => [
  { dtype: operands.required(0).dtype, shape: intsOr(operands.attributes, "shape", []) },
];

const likeSecond: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(1);
  return [{ dtype, shape }];
};

export const spatialShapes: Record<string, ShapeRule> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool(true),
  AveragePool: pool(false),
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  PixelUnshuffle: spaceToDepth,
  ReorderInput: (operands) => [operands.ranked(0, 4)],
  ReorderOutput: reorderOutput,
  ConvInputGradient: stated,
  ConvWeightGradient: stated,
  MaxPoolGradient: likeSecond,
};
