import { int, intOr, ints, type Operator, text, type Value } from "../../graph/index.js";
import { single } from "../../operators/apply.js";
import { Conv, MaxPool } from "../../operators/index.js";

/**
 * ONNX Runtime's blocked layout (domain com.microsoft.nchwc): channels in blocks of b, [N, C/b, H, W, b] in memory while
 * the shape still reads [N, C, H, W]. Weights are [O/b, I/b, kh, kw, b of I, b of O] in memory.
 */
const DOMAIN = "com.microsoft.nchwc";

export const ReorderInput: Operator = {
  name: "ReorderInput",
  domain: DOMAIN,
  shape: (operands) => [operands.ranked(0, 4)],
};

/** Leaves the blocked layout, and drops the channels that filled the last block. */
export const ReorderOutput: Operator = {
  name: "ReorderOutput",
  domain: DOMAIN,
  shape: (operands) => {
    const { dtype, shape } = operands.ranked(0, 4);
    const channels = intOr(operands.attributes, "channels", 0);
    const [batch, , height, width] = shape as [number, number, number, number];
    const last = intOr(operands.attributes, "channels_last", 0) !== 0;
    return [{ dtype, shape: last ? [batch, height, width, channels] : [batch, channels, height, width] }];
  },
};

export const BlockedConv: Operator = { name: "Conv", domain: DOMAIN, shape: Conv.shape };

export const BlockedMaxPool: Operator = {
  name: "MaxPool",
  domain: DOMAIN,
  shape: MaxPool.shape,
  optionalOutputs: true,
};

export const reorderInput = (x: Value): Value => single(ReorderInput, [x]);

/** Back to NCHW; `channels` of those that are there. */
export const reorderOutput = (x: Value, channels: number): Value =>
  single(ReorderOutput, [x], { channels: int(channels) });

/** From the blocked layout to [N, H, W, C]. */
export const reorderToChannelsLast = (x: Value): Value =>
  single(ReorderOutput, [x], { channels: int(x.shape[1] as number), channels_last: int(1) });

export interface BlockedConvOptions {
  pads: readonly number[];
  strides?: readonly number[];
  relu?: boolean;
}

/**
 * Convolution in the blocked layout. x is blocked, or NCHW when it has fewer channels than a block; its weight is then
 * [O/b, kh, kw, I, b of O] in memory.
 */
export const blockedConv = (x: Value, weight: Value, bias: Value | undefined, options: BlockedConvOptions): Value =>
  single(BlockedConv, bias ? [x, weight, bias] : [x, weight], {
    auto_pad: text("NOTSET"),
    kernel_shape: ints(weight.shape.slice(2)),
    pads: ints(options.pads),
    strides: ints(options.strides ?? [1, 1]),
    dilations: ints([1, 1]),
    group: int(1),
    ...(options.relu && { activation: text("Relu") }),
  });

export const blockedMaxPool = (x: Value, kernel: readonly number[], strides: readonly number[]): Value =>
  single(BlockedMaxPool, [x], {
    auto_pad: text("NOTSET"),
    kernel_shape: ints(kernel),
    strides: ints(strides),
    pads: ints(kernel.flatMap(() => [0, 0])),
    dilations: ints(kernel.map(() => 1)),
    ceil_mode: int(0),
  });
