import { type Attributes, int, ints } from "../graph/attributes.js";
import type { Node, Value } from "../graph/graph.js";
import type { Shape } from "../graph/types.js";
import { single } from "./single.js";

/**
 * Operators of our own that stand for a whole gradient. ONNX doesn't have them: lowering writes each as standard operators,
 * in the way that suits the device.
 */
export const GRADIENT_DOMAIN = "slimsr";

/** Gradient of a convolution with respect to its input, of shape `inputShape`; `attributes` are the convolution's. */
export const convInputGradient = (dy: Value, weight: Value, inputShape: Shape, attributes: Attributes): Value =>
  single("ConvInputGradient", [dy, weight], { ...attributes, shape: ints(inputShape) }, { domain: GRADIENT_DOMAIN });

/** Gradient of a convolution with respect to its weight, of shape `weightShape`; `attributes` are the convolution's. */
export const convWeightGradient = (x: Value, dy: Value, weightShape: Shape, attributes: Attributes): Value =>
  single("ConvWeightGradient", [x, dy], { ...attributes, shape: ints(weightShape) }, { domain: GRADIENT_DOMAIN });

/** The inverse of a pixel shuffle: [N, C, r·H, r·W] → [N, C·r², H, W]. */
export const pixelUnshuffle = (x: Value, r: number): Value =>
  single("PixelUnshuffle", [x], { blocksize: int(r) }, { domain: GRADIENT_DOMAIN });

/** Gradient of a max pooling `node` from x to y: dy at the first largest element of each window, zeros elsewhere. */
export const maxPoolGradient = (dy: Value, x: Value, y: Value, node: Node): Value =>
  single("MaxPoolGradient", [dy, x, y, node.outputs[1]], node.attributes, { domain: GRADIENT_DOMAIN });
