import type { Value } from "../graph/index.js";
import { add, conv, mul, pixelShuffle, relu, sub } from "../operators/index.js";
import type { CommonOptions } from "./options.js";
import type { ParameterSource } from "./parameters.js";

/** The layers that SR networks are made of; parameters come from `source` by the layer's name. */
export class Layers {
  constructor(private readonly source: ParameterSource) {}

  /** Convolution with `filters` filters at width 1, stride 1, padding that keeps the size. */
  conv(name: string, x: Value, channels: number, filters: number, kernel = 3): Value {
    const weight = this.source(`${name}.weight`, [filters, channels, kernel, kernel]);
    const bias = this.source(`${name}.bias`, [filters]);
    const pad = (kernel - 1) / 2;
    return conv(x, weight, bias, { pads: [pad, pad, pad, pad] });
  }

  /** y = x + scale · conv2(relu(conv1(x))), the residual block of EDSR. */
  residualBlock(name: string, x: Value, features: number, scale: number): Value {
    const inner = relu(this.conv(`${name}.conv1`, x, features, features));
    const residual = this.conv(`${name}.conv2`, inner, features, features);
    return add(x, scale === 1 ? residual : mul(residual, scale));
  }

  /** Sub-pixel convolutions (Shi et al. 2016): ×3 at once, ×2 and ×4 by twos. */
  upsampler(
    name: string,
    x: Value,
    features: number,
    scale: number,
    activation: (y: Value) => Value = (y) => y,
  ): Value {
    const factors = scale === 3 ? [3] : Array<number>(Math.log2(scale)).fill(2);
    return factors.reduce((y, r, i) => {
      const wide = this.conv(`${name}.blocks.${i}`, y, features, features * r ** 2);
      return pixelShuffle(activation(wide), r);
    }, x);
  }
}

/** The frame of every network here: images to the network's range with the mean at 0, and back. */
export function aroundMean(
  lr: Value,
  { mean, range }: Pick<CommonOptions, "mean" | "range">,
  network: (x: Value) => Value,
): Value {
  const colour = lr.graph.constant(Float32Array.from(mean), [1, 3, 1, 1]);
  const centred = sub(lr, colour);
  const y = network(range === 255 ? centred : mul(centred, range / 255));
  return add(range === 255 ? y : mul(y, 255 / range), colour);
}
