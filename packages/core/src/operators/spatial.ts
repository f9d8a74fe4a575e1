import { type Attributes, int, ints, text } from "../graph/attributes.js";
import type { Value } from "../graph/graph.js";
import { single } from "./single.js";

export interface WindowOptions {
  /** Begins of each spatial axis, then ends. */
  pads?: readonly number[];
  strides?: readonly number[];
  dilations?: readonly number[];
}

function windowAttributes({ pads, strides, dilations }: WindowOptions): Attributes {
  return {
    ...(pads && { pads: ints(pads) }),
    ...(strides && { strides: ints(strides) }),
    ...(dilations && { dilations: ints(dilations) }),
  };
}

/** Convolution of x [N, C, H, W] with weight [O, C/group, kh, kw] and bias [O]. */
export function conv(x: Value, weight: Value, bias?: Value, options: WindowOptions & { group?: number } = {}): Value {
  const attributes = {
    kernel_shape: ints(weight.shape.slice(2)),
    ...windowAttributes(options),
    ...(options.group !== undefined && { group: int(options.group) }),
  };
  return single("Conv", bias ? [x, weight, bias] : [x, weight], attributes);
}

/** Transposed convolution of x [N, C, H, W] with weight [C, O/group, kh, kw]. */
export function convTranspose(
  x: Value,
  weight: Value,
  options: WindowOptions & { group?: number; outputPadding?: readonly number[] } = {},
): Value {
  return single("ConvTranspose", [x, weight], {
    kernel_shape: ints(weight.shape.slice(2)),
    ...windowAttributes(options),
    ...(options.group !== undefined && { group: int(options.group) }),
    ...(options.outputPadding && { output_padding: ints(options.outputPadding) }),
  });
}

/** Largest value of each window, and its flat index in x. */
export function maxPool(
  x: Value,
  kernel: readonly number[],
  options: WindowOptions = {},
): { output: Value; indices: Value } {
  const attributes = { kernel_shape: ints(kernel), ...windowAttributes(options) };
  const [output, indices] = x.graph.apply("MaxPool", [x], attributes) as [Value, Value];
  return { output, indices };
}

/** Mean over all positions: [N, C, H, W] → [N, C, 1, 1]. */
export const globalAveragePool = (x: Value): Value => single("GlobalAveragePool", [x]);

/** Pixel shuffle: [N, C·r², H, W] → [N, C, r·H, r·W], sub-pixels of one channel adjacent (PyTorch's order, ONNX CRD). */
export const pixelShuffle = (x: Value, r: number): Value =>
  single("DepthToSpace", [x], { blocksize: int(r), mode: text("CRD") });
