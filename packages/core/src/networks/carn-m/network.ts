import type { Value } from "../../graph/index.js";
import { add, relu } from "../../operators/index.js";
import { cascade } from "../carn/network.js";
import { aroundMean, type Layers } from "../layers.js";
import type { CarnMOptions } from "./options.js";

/** CARN with efficient residual blocks, of which each cascade has one that it applies three times (section 3.2 of the paper). */
export function carnM(options: CarnMOptions, layers: Layers, lr: Value): Value {
  const { features, scale, groups: group } = options;
  const block = (name: string, x: Value): Value =>
    cascade(layers, name, x, features, (_, y) => efficientBlock(layers, `${name}.block`, y, options));
  return aroundMean(lr, options, (image) => {
    const body = cascade(layers, "body", layers.conv("head", image, 3, features), features, block);
    const upsampled = layers.upsampler("upsampler", body, features, scale, { activation: relu, group });
    return layers.conv("tail", upsampled, features, 3);
  });
}

/** Two grouped convolutions and one of 1×1, which mixes what the groups keep apart (figure 3 of the paper). */
function efficientBlock(layers: Layers, name: string, x: Value, { features, groups: group }: CarnMOptions): Value {
  const first = relu(layers.conv(`${name}.conv1`, x, features, features, 3, { group }));
  const second = relu(layers.conv(`${name}.conv2`, first, features, features, 3, { group }));
  return relu(add(x, layers.conv(`${name}.pointwise`, second, features, features, 1)));
}
