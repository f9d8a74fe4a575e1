import type { Value } from "../../graph/index.js";
import { concat, relu } from "../../operators/index.js";
import { aroundMean, type Layers } from "../layers.js";
import type { CarnOptions } from "./options.js";

/** A cascade of cascades of residual blocks, three each (figure 2 of the paper). */
export function carn(options: CarnOptions, layers: Layers, lr: Value): Value {
  const { features, scale, variant } = options;
  const activation = variant === "original" ? relu : (x: Value) => x;
  const residual = (name: string, x: Value) => activation(layers.residualBlock(name, x, features, 1));
  const block = (name: string, x: Value) => cascade(layers, name, x, features, residual);
  return aroundMean(lr, options, (image) => {
    const head = layers.conv("head", image, 3, features);
    const body = cascade(layers, "body", head, features, block);
    return layers.conv("tail", layers.upsampler("upsampler", body, features, scale, { activation }), features, 3);
  });
}

/** Each unit's output joins all that came before it, and a 1×1 convolution fuses them for the next unit (section 3.1). */
export function cascade(
  layers: Layers,
  name: string,
  x: Value,
  features: number,
  unit: (name: string, y: Value) => Value,
): Value {
  let seen = x;
  let fused = x;
  for (const i of [0, 1, 2]) {
    seen = concat([seen, unit(`${name}.units.${i}`, fused)], 1);
    fused = relu(layers.conv(`${name}.fuse.${i}`, seen, features * (i + 2), features, 1));
  }
  return fused;
}
