import type { Value } from "../../graph/index.js";
import { pixelShuffle, tanh } from "../../operators/index.js";
import { aroundMean, type Layers } from "../layers.js";
import type { EspcnOptions } from "./options.js";

/** Three convolutions of kernels 5, 3 and 3 at the input's resolution; the last one's r² filters a colour become its pixels. */
export function espcn(options: EspcnOptions, layers: Layers, lr: Value): Value {
  const { features, scale } = options;
  const half = Math.floor(features / 2);
  return aroundMean(lr, options, (image) => {
    const head = tanh(layers.conv("head", image, 3, features, 5));
    const body = tanh(layers.conv("body", head, features, half));
    return pixelShuffle(layers.conv("tail", body, half, 3 * scale ** 2), scale);
  });
}
