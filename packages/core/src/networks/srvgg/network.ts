import type { Value } from "../../graph/index.js";
import { add, pixelShuffle, resizeNearest } from "../../operators/index.js";
import { inRange, type Layers } from "../layers.js";
import type { SrvggOptions } from "./options.js";

/** Convolutions with PReLU at the input's resolution and one pixel shuffle, added to the image enlarged by its nearest pixels. */
export function srvgg(options: SrvggOptions, layers: Layers, lr: Value): Value {
  const { features, layers: count, scale } = options;
  return inRange(lr, options, (image) => {
    let x = image;
    for (let i = 0; i <= count; i++) {
      x = layers.prelu(`slopes.${i}`, layers.conv(`body.${i}`, x, i === 0 ? 3 : features, features), features);
    }
    const residual = layers.conv(`body.${count + 1}`, x, features, 3 * scale ** 2);
    return scale === 1 ? add(residual, image) : add(pixelShuffle(residual, scale), resizeNearest(image, scale));
  });
}
