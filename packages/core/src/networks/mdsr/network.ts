import type { Value } from "../../graph/index.js";
import { add } from "../../operators/index.js";
import { aroundMean, type Layers } from "../layers.js";
import type { MdsrOptions } from "./options.js";

/** One scale of MDSR: blocks of 5×5 that are the scale's own, blocks that all scales share, the scale's upsampler (figure 5). */
export function mdsr(options: MdsrOptions, layers: Layers, lr: Value): Value {
  const { features, blocks, scale } = options;
  return aroundMean(lr, options, (image) => {
    let head = layers.conv("head", image, 3, features);
    for (const b of [0, 1]) head = layers.residualBlock(`pre_process.${b}`, head, features, 1, 5);
    let x = head;
    for (let b = 0; b < blocks; b++) x = layers.residualBlock(`body.${b}`, x, features, 1);
    x = add(head, layers.conv("body_conv", x, features, features));
    return layers.conv("tail", layers.upsampler("upsampler", x, features, scale), features, 3);
  });
}
