import type { Value } from "../../graph/index.js";
import { add } from "../../operators/index.js";
import { aroundMean, type Layers } from "../layers.js";
import type { EdsrOptions } from "./options.js";

/** Residual blocks without normalisation, a skip around them all, and sub-pixel convolutions (figure 3 of the paper). */
export function edsr(options: EdsrOptions, layers: Layers, lr: Value): Value {
  const { features, blocks, resScale, scale } = options;
  return aroundMean(lr, options, (image) => {
    const head = layers.conv("head", image, 3, features);
    let x = head;
    for (let b = 0; b < blocks; b++) x = layers.residualBlock(`body.${b}`, x, features, resScale);
    x = add(head, layers.conv("body_conv", x, features, features));
    x = layers.upsampler("upsampler", x, features, scale);
    return layers.conv("tail", x, features, 3);
  });
}
