import { int, ints, text } from "../graph/attributes.js";
import type { Value } from "../graph/graph.js";
import { single } from "./single.js";

/**
 * ONNX Runtime's blocked layout (domain com.microsoft.nchwc): channels in blocks of b, [N, C/b, H, W, b] in memory while
 * the shape still reads [N, C, H, W]. Weights are [O/b, I/b, kh, kw, b of I, b of O] in memory.
 */
const DOMAIN = "com.microsoft.nchwc";

export const reorderInput = (x: Value): Value => single("ReorderInput", [x], {}, { domain: DOMAIN });

/** Back to NCHW; `channels` of those that are there. */
export const reorderOutput = (x: Value, channels: number): Value =>
  single("ReorderOutput", [x], { channels: int(channels) }, { domain: DOMAIN });

/** From the blocked layout to [N, H, W, C]. */
export const reorderToChannelsLast = (x: Value): Value =>
  single("ReorderOutput", [x], { channels: int(x.shape[1] as number), channels_last: int(1) }, { domain: DOMAIN });

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
  single(
    "Conv",
    bias ? [x, weight, bias] : [x, weight],
    {
      auto_pad: text("NOTSET"),
      kernel_shape: ints(weight.shape.slice(2)),
      pads: ints(options.pads),
      strides: ints(options.strides ?? [1, 1]),
      dilations: ints([1, 1]),
      group: int(1),
      ...(options.relu && { activation: text("Relu") }),
    },
    { domain: DOMAIN },
  );

export const blockedMaxPool = (x: Value, kernel: readonly number[], strides: readonly number[]): Value =>
  single(
    "MaxPool",
    [x],
    {
      auto_pad: text("NOTSET"),
      kernel_shape: ints(kernel),
      strides: ints(strides),
      pads: ints(kernel.flatMap(() => [0, 0])),
      dilations: ints(kernel.map(() => 1)),
      ceil_mode: int(0),
    },
    { domain: DOMAIN },
  );
