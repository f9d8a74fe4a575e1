import { elements } from "../../packages/core/src/graph/index.js";
import { type Model, networkModel } from "../../packages/core/src/model/model.js";
import type { CarnOptions } from "../../packages/core/src/networks/carn/options.js";
import type { EdsrOptions } from "../../packages/core/src/networks/edsr/options.js";
import {
  DIV2K_MEAN,
  type NetworkOptions,
  type Parameters,
  parameterShapes,
  type Scale,
  type Vgg19Weights,
} from "../../packages/core/src/networks/index.js";
import type { RcanOptions } from "../../packages/core/src/networks/rcan/options.js";
import { Random } from "./random.js";

const common = { mean: DIV2K_MEAN, range: 255 } as const;

export const edsr = (scale: Scale, options: Partial<EdsrOptions> = {}): EdsrOptions => ({
  ...common,
  ...{ architecture: "edsr", scale, features: 16, blocks: 2, resScale: 0.5 },
  ...options,
});

export const rcan = (scale: Scale, options: Partial<RcanOptions> = {}): RcanOptions => ({
  ...common,
  ...{ architecture: "rcan", scale, features: 16, groups: 2, blocks: 1, reduction: 4 },
  ...options,
});

export const carn = (scale: Scale, options: Partial<CarnOptions> = {}): CarnOptions => ({
  ...common,
  ...{ architecture: "carn", scale, features: 8, variant: "csd" },
  ...options,
});

/** Random weights of a size that keeps values in bounds through the layers, and biases. */
export function randomParameters(
  network: NetworkOptions,
  seed = 1,
): Map<string, { shape: readonly number[]; data: Float32Array }> {
  const random = new Random(seed);
  return new Map(
    [...parameterShapes(network)].map(([name, shape]) => {
      const bound = shape.length === 1 ? 0.1 : Math.sqrt(3 / elements(shape.slice(1)));
      return [name, { shape, data: random.floats(elements(shape), -bound, bound) }];
    }),
  );
}

/** A network with random weights. */
export const modelOf = (network: NetworkOptions, seed = 1): Model =>
  networkModel(network, randomParameters(network, seed));

export const parameterCount = (parameters: Parameters): number =>
  [...parameters.values()].reduce((sum, { shape }) => sum + elements(shape), 0);

/** VGG19 with its channels divided by 16, and random weights. */
export function thinVgg19(seed = 7, mean: Vgg19Weights["mean"] = [123.68, 116.779, 103.939]): Vgg19Weights {
  const random = new Random(seed);
  const filters = [64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512].map((count) => count / 16);
  const convolutions = filters.map((count, i) => {
    const channels = i === 0 ? 3 : (filters[i - 1] as number);
    const bound = Math.sqrt(6 / (channels * 9));
    return {
      weight: { shape: [count, channels, 3, 3], data: random.floats(count * channels * 9, -bound, bound) },
      bias: { shape: [count], data: random.floats(count, -0.1, 0.1) },
    };
  });
  return { convolutions, mean };
}
