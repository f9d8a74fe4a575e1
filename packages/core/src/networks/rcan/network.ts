import type { Value } from "../../graph/index.js";
import { add, globalAveragePool, mul, relu, sigmoid } from "../../operators/index.js";
import { aroundMean, type Layers } from "../layers.js";
import type { RcanOptions } from "./options.js";

/** Residual groups of attention blocks, a skip around each and one around them all (figure 2 of the paper). */
export function rcan(options: RcanOptions, layers: Layers, lr: Value): Value {
  const { features, groups, blocks, scale } = options;
  return aroundMean(lr, options, (image) => {
    const head = layers.conv("head", image, 3, features);
    let x = head;
    for (let g = 0; g < groups; g++) {
      let y = x;
      for (let b = 0; b < blocks; b++) y = attentionBlock(layers, `body.${g}.body.${b}`, y, options);
      x = add(x, layers.conv(`body.${g}.conv`, y, features, features));
    }
    x = add(head, layers.conv("body_conv", x, features, features));
    x = layers.upsampler("upsampler", x, features, scale);
    return layers.conv("tail", x, features, 3);
  });
}

/** RCAB: a residual block whose channels are weighed by a gate computed from their means (section 3.3). */
function attentionBlock(layers: Layers, name: string, x: Value, { features, reduction }: RcanOptions): Value {
  const inner = relu(layers.conv(`${name}.conv1`, x, features, features));
  const y = layers.conv(`${name}.conv2`, inner, features, features);
  const bottleneck = Math.floor(features / reduction);
  const squeezed = relu(layers.conv(`${name}.down`, globalAveragePool(y), features, bottleneck, 1));
  const gate = sigmoid(layers.conv(`${name}.up`, squeezed, bottleneck, features, 1));
  return add(x, mul(y, gate));
}
