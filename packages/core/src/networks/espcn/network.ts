import type { Value } from "../../graph/index.js";
import { pixelShuffle, tanh } from "../../operators/index.js";
import { aroundMean, type Layers } from "../layers.js";
import type { EspcnOptions } from "./options.js";

export const espcn = (options: EspcnOptions, layers: Layers, lr: Value): Value =>
  aroundMean(lr, options, (image) => subpixelNetwork(options, layers, image, 3));

/**
 * Three convolutions of kernels 5, 3 and 3 at the input's resolution; the last one's r² filters a channel become its pixels.
 * @param channels of the images
 */
export function subpixelNetwork(
  { features, scale }: Pick<EspcnOptions, "features" | "scale">,
  layers: Layers,
  image: Value,
  channels: number,
): Value {
  const half = Math.floor(features / 2);
  const head = tanh(layers.conv("head", image, channels, features, 5));
  const body = tanh(layers.conv("body", head, features, half));
  return pixelShuffle(layers.conv("tail", body, half, channels * scale ** 2), scale);
}
