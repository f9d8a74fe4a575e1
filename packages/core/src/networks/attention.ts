import type { Value } from "../graph/index.js";
import { add, globalAveragePool, maxPool, mul, relu, sigmoid, sqrt, sub } from "../operators/index.js";
import type { Layers } from "./layers.js";
import { resizeLike } from "./sizes.js";

/** Least height and width of what `spatialAttention` sees: its pooling needs 7 pixels of every second. */
export const LEAST_ATTENDED = 15;

/**
 * Enhanced spatial attention (Liu et al., Residual Feature Aggregation Network, CVPR 2020): x times a gate for each pixel and
 * channel, computed of `inner` channels at a sixth of the size.
 * @param refine what is done to the pooled features [N, inner, h, w]
 */
export function spatialAttention(
  layers: Layers,
  name: string,
  x: Value,
  channels: number,
  inner: number,
  refine: (pooled: Value) => Value,
): Value {
  const reduced = layers.conv(`${name}.reduce`, x, channels, inner, 1);
  const strided = layers.conv(`${name}.stride`, reduced, inner, inner, 3, { strides: [2, 2], pads: [0, 0, 0, 0] });
  const pooled = maxPool(strided, [7, 7], { strides: [3, 3] }).output;
  const skip = layers.conv(`${name}.skip`, reduced, inner, inner, 1);
  const gate = sigmoid(layers.conv(`${name}.expand`, add(resizeLike(refine(pooled), x), skip), inner, channels, 1));
  return mul(x, gate);
}

/**
 * Contrast-aware channel attention (Hui et al., Information Multi-distillation Network, ACM MM 2019): x times a gate for each
 * channel, computed of its standard deviation plus its mean.
 * @param inner channels of the gate's bottleneck
 */
export function contrastAttention(layers: Layers, name: string, x: Value, channels: number, inner: number): Value {
  const mean = globalAveragePool(x);
  const centred = sub(x, mean);
  const contrast = add(sqrt(globalAveragePool(mul(centred, centred))), mean);
  const squeezed = relu(layers.conv(`${name}.down`, contrast, channels, inner, 1));
  return mul(x, sigmoid(layers.conv(`${name}.up`, squeezed, inner, channels, 1)));
}
