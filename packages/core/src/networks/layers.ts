import type { Value } from "../graph/index.js";
import {
  add,
  conv,
  convTranspose,
  mul,
  pixelShuffle,
  prelu,
  relu,
  sub,
  type WindowOptions,
} from "../operators/index.js";
import type { CommonOptions, Mean } from "./options.js";
import type { ParameterSource } from "./parameters.js";

export interface ConvolutionOptions extends WindowOptions {
  /** Filters of each group see the channels of that group alone. */
  group?: number;
}

/** The layers that SR networks are made of; parameters come from `source` by the layer's name. */
export class Layers {
  readonly #parameters = new Map<string, Value>();

  constructor(private readonly source: ParameterSource) {}

  /** Convolution with `filters` filters at width 1; stride 1 and padding that keeps the size where nothing else is said. */
  conv(
    name: string,
    x: Value,
    channels: number,
    filters: number,
    kernel = 3,
    { group = 1, ...window }: ConvolutionOptions = {},
  ): Value {
    const weight = this.#parameter(`${name}.weight`, [filters, channels / group, kernel, kernel]);
    const bias = this.#parameter(`${name}.bias`, [filters]);
    const pad = (kernel - 1) / 2;
    return conv(x, weight, bias, { pads: [pad, pad, pad, pad], ...window, ...(group > 1 && { group }) });
  }

  /**
   * Transposed convolution that magnifies by `scale` with an odd kernel of at least the scale: output pixel s·i lies in the middle of
   * input i's kernel.
   */
  deconvolution(name: string, x: Value, channels: number, filters: number, kernel: number, scale: number): Value {
    const weight = this.#parameter(`${name}.weight`, [channels, filters, kernel, kernel]);
    const bias = this.#parameter(`${name}.bias`, [filters]);
    const pad = (kernel - 1) / 2;
    return convTranspose(x, weight, {
      bias,
      pads: [pad, pad, pad, pad],
      strides: [scale, scale],
      outputPadding: [scale - 1, scale - 1],
    });
  }

  /** PReLU with a slope for each channel. */
  prelu(name: string, x: Value, channels: number): Value {
    return prelu(x, this.#parameter(`${name}.weight`, [channels, 1, 1]));
  }

  /** y = x + scale · conv2(relu(conv1(x))), the residual block of EDSR. */
  residualBlock(name: string, x: Value, features: number, scale: number, kernel = 3): Value {
    const inner = relu(this.conv(`${name}.conv1`, x, features, features, kernel));
    const residual = this.conv(`${name}.conv2`, inner, features, features, kernel);
    return add(x, scale === 1 ? residual : mul(residual, scale));
  }

  /** Sub-pixel convolutions (Shi et al. 2016): ×3 at once, ×2 and ×4 by twos. */
  upsampler(
    name: string,
    x: Value,
    features: number,
    scale: number,
    { activation = (y) => y, group = 1 }: { activation?: (y: Value) => Value; group?: number } = {},
  ): Value {
    const factors = scale === 3 ? [3] : Array<number>(Math.log2(scale)).fill(2);
    return factors.reduce((y, r, i) => {
      const wide = this.conv(`${name}.blocks.${i}`, y, features, features * r ** 2, 3, { group });
      return pixelShuffle(activation(wide), r);
    }, x);
  }

  /** Layers that are applied several times share their parameters. */
  #parameter(name: string, nominal: readonly number[]): Value {
    const known = this.#parameters.get(name);
    if (known) return known;
    const made = this.source(name, nominal);
    this.#parameters.set(name, made);
    return made;
  }
}

/** The frame of networks that are built around a mean: images to the network's range with the mean at 0, and back. */
export function aroundMean(
  lr: Value,
  { mean, range }: { readonly mean: Mean; readonly range: CommonOptions["range"] },
  network: (x: Value) => Value,
): Value {
  const colour = meanColour(lr, mean);
  return add(inRange(sub(lr, colour), { range }, network), colour);
}

/** The frame of all other networks: images to the network's range, and back. */
export function inRange(
  lr: Value,
  { range }: { readonly range: CommonOptions["range"] },
  network: (x: Value) => Value,
): Value {
  return range === 255 ? network(lr) : mul(network(mul(lr, range / 255)), 255 / range);
}

/** A colour for all pixels of images in 0..255. */
export const meanColour = (beside: Value, mean: Mean): Value =>
  beside.graph.constant(Float32Array.from(mean), [1, 3, 1, 1]);
