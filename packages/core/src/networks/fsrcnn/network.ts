import type { Value } from "../../graph/index.js";
import { inRange, type Layers } from "../layers.js";
import type { FsrcnnOptions } from "./options.js";

/** Feature extraction, shrinking, mapping, expanding and deconvolution, a PReLU behind each but the last (figure 2 of the paper). */
export function fsrcnn(options: FsrcnnOptions, layers: Layers, lr: Value): Value {
  const { channels, features, shrunk, layers: count, scale } = options;
  return inRange(lr, options, (image) => {
    let x = layers.prelu("head_slopes", layers.conv("head", image, channels, features, 5), features);
    const body = (i: number, inputs: number, filters: number, kernel: number): void => {
      x = layers.prelu(`slopes.${i}`, layers.conv(`body.${i}`, x, inputs, filters, kernel), filters);
    };
    body(0, features, shrunk, 1);
    for (let i = 1; i <= count; i++) body(i, shrunk, shrunk, 3);
    body(count + 1, shrunk, features, 1);
    return layers.deconvolution("tail", x, features, channels, 9, scale);
  });
}
