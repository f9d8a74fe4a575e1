import { type Attributes, elements, ints, type Shape, type Value } from "../graph/index.js";
import { single } from "./apply.js";
import { conv, convTranspose } from "./convolution.js";
import { OWN_DOMAIN, operator } from "./declare.js";
import { adjointPads, type ConvolutionGeometry, geometryOf, shape4 } from "./geometry.js";
import { turned } from "./planes.js";
import { reshape, transpose } from "./reshaping.js";
import { stated } from "./shapes.js";
import { weightGradient } from "./weight-gradient.js";

/**
 * Operators of our own that stand for a convolution's gradients, in two dimensions: lowering writes each as standard operators,
 * in the way that suits the device.
 */

export const ConvInputGradient = operator("ConvInputGradient", {
  domain: OWN_DOMAIN,
  shape: stated,
  cost: {
    ofWeights: false,
    multiplyAccumulates: ({ inputs: [dy, weight] }) =>
      elements((dy as Value).shape) * elements((weight as Value).shape.slice(1)),
  },
  decompose: (node, inputs) => {
    const [dy, weight] = inputs as [Value, Value];
    return [inputGradient(dy, weight, (node.outputs[0] as Value).shape, geometryOf(node))];
  },
});

export const ConvWeightGradient = operator("ConvWeightGradient", {
  domain: OWN_DOMAIN,
  shape: stated,
  cost: {
    ofWeights: false,
    multiplyAccumulates: ({ inputs: [, dy], outputs }) => {
      const [weight, gradient] = [outputs[0] as Value, dy as Value];
      return elements(gradient.shape) * elements(weight.shape.slice(1));
    },
  },
  decompose: (node, inputs) => {
    const [x, dy] = inputs as [Value, Value];
    return [weightGradient(x, dy, (node.outputs[0] as Value).shape, geometryOf(node))];
  },
});

/** Gradient of a convolution with respect to its input, of shape `inputShape`; `attributes` are the convolution's, its window explicit. */
export const convInputGradient = (dy: Value, weight: Value, inputShape: Shape, attributes: Attributes): Value =>
  single(ConvInputGradient, [dy, weight], { ...attributes, shape: ints(inputShape) });

/** Gradient of a convolution with respect to its weight, of shape `weightShape`; `attributes` are the convolution's, its window explicit. */
export const convWeightGradient = (x: Value, dy: Value, weightShape: Shape, attributes: Attributes): Value =>
  single(ConvWeightGradient, [x, dy], { ...attributes, shape: ints(weightShape) });

/**
 * dx of a convolution. For stride 1 it is a convolution too: of dy with the kernel turned by 180° and its channel axes
 * swapped, in each group. Otherwise a transposed convolution.
 */
function inputGradient(dy: Value, weight: Value, inputShape: Shape, geometry: ConvolutionGeometry): Value {
  const { kernel, strides, dilations, group } = geometry;
  const pads = adjointPads(geometry);
  if (strides.every((stride) => stride === 1) && pads.every((size) => size >= 0)) {
    return conv(dy, adjointWeight(weight, group), undefined, {
      pads,
      ...(dilations.some((step) => step > 1) && { dilations }),
      ...(group > 1 && { group }),
    });
  }
  const outputPadding = [0, 1].map((i) => {
    const extent = (kernel[i as 0 | 1] - 1) * dilations[i as 0 | 1] + 1;
    const padded = (inputShape[2 + i] as number) + geometry.pads[i as 0 | 1] + (geometry.pads[2 + i] as number);
    return (padded - extent) % strides[i as 0 | 1];
  });
  return convTranspose(dy, weight, { pads: geometry.pads, strides, dilations, group, outputPadding });
}

/** The kernel turned by 180°, channel axes swapped in each group: [O, I/g, kh, kw] → [I, O/g, kh, kw]. */
function adjointWeight(weight: Value, group: number): Value {
  const [filters, perGroup, height, width] = shape4(weight);
  const inGroups = () => {
    const grouped = reshape(weight, [group, filters / group, perGroup, height, width]);
    return reshape(transpose(grouped, [0, 2, 1, 3, 4]), [group * perGroup, filters / group, height, width]);
  };
  const swapped = group === 1 ? transpose(weight, [1, 0, 2, 3]) : inGroups();
  return height === 1 && width === 1 ? swapped : turned(swapped);
}
