import { NetworkError } from "../../errors.js";
import type { Graph, Shape, Value } from "../../graph/index.js";
import { conv, maxPool, relu, sub } from "../../operators/index.js";

/** Convolutions of each of VGG19's five stages (Simonyan & Zisserman 2015, configuration E), up to conv5_1. */
const STAGES = [2, 2, 4, 4, 1];
const DEPTH = STAGES.reduce((a, b) => a + b, 0);

/** Names of the five feature taps: the first ReLU of each stage. */
export const TAPS = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"] as const;

interface Weights {
  readonly shape: Shape;
  readonly data: Float32Array;
}

export interface Vgg19Weights {
  /** conv1_1 … conv5_1, 13 in all; any channel counts that fit together. */
  readonly convolutions: readonly { readonly weight: Weights; readonly bias: Weights }[];
  /** Colour that is subtracted from images in 0..255 first. */
  readonly mean: readonly [number, number, number];
}

/**
 * VGG19 with frozen weights: yields the function from images [N, 3, H, W] in 0..255 to their features at the five taps.
 * @throws NetworkError where a convolution is missing or the images are too small to be halved four times.
 */
export function vgg19(graph: Graph, { convolutions, mean }: Vgg19Weights): (images: Value) => Value[] {
  const constants = convolutions.map(({ weight, bias }) => ({
    weight: graph.constant(weight.data, weight.shape),
    bias: graph.constant(bias.data, bias.shape),
  }));
  const colour = mean.some((c) => c !== 0) ? graph.constant(Float32Array.from(mean), [1, 3, 1, 1]) : undefined;
  if (constants.length !== DEPTH)
    throw new NetworkError(`VGG19 to conv5_1 has ${DEPTH} convolutions, not ${constants.length}`);
  const stages = STAGES.map((count, stage) => {
    const first = STAGES.slice(0, stage).reduce((a, b) => a + b, 0);
    return constants.slice(first, first + count);
  });
  return (images) => {
    const size = Math.min(...images.shape.slice(2));
    if (size < 2 ** (STAGES.length - 1)) {
      throw new NetworkError(`VGG19 needs images of at least 16×16; these are ${images.shape.slice(2).join("×")}`);
    }
    let x = colour ? sub(images, colour) : images;
    return stages.map((layers, stage) => {
      if (stage > 0) x = maxPool(x, [2, 2], { strides: [2, 2] }).output;
      const features = layers.map(({ weight, bias }) => {
        x = relu(conv(x, weight, bias, { pads: [1, 1, 1, 1] }));
        return x;
      });
      return features[0] as Value;
    });
  };
}
