import type { Value } from "../../graph/index.js";
import { relu, sub } from "../../operators/index.js";
import { inRange, type Layers } from "../layers.js";
import type { DncnnOptions } from "./options.js";

/** Convolutions that estimate the noise, which is taken off the image (figure 1 of the paper); batch normalisation is folded. */
export function dncnn(options: DncnnOptions, layers: Layers, lr: Value): Value {
  return inRange(lr, options, (image) => sub(image, chain(options, layers, image, options.channels, options.channels)));
}

/** `layers` convolutions with a ReLU between each two, from `inputs` channels to `outputs`. */
export function chain(
  { features, layers: count }: Pick<DncnnOptions, "features" | "layers">,
  layers: Layers,
  x: Value,
  inputs: number,
  outputs: number,
): Value {
  let y = relu(layers.conv("body.0", x, inputs, features));
  for (let i = 1; i < count - 1; i++) y = relu(layers.conv(`body.${i}`, y, features, features));
  return layers.conv(`body.${count - 1}`, y, features, outputs);
}
