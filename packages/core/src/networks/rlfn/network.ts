import type { Value } from "../../graph/index.js";
import { add, leakyRelu, pixelShuffle } from "../../operators/index.js";
import { spatialAttention } from "../attention.js";
import { inRange, type Layers } from "../layers.js";
import type { RlfnOptions } from "./options.js";

const SLOPE = 0.05;

/** Residual local feature blocks with a skip around them all, and one pixel shuffle (figure 2 of the paper). */
export function rlfn(options: RlfnOptions, layers: Layers, lr: Value): Value {
  const { features, scale, blocks } = options;
  return inRange(lr, options, (image) => {
    const head = layers.conv("head", image, 3, features);
    let x = head;
    for (let b = 0; b < blocks; b++) x = block(layers, `blocks.${b}`, x, options);
    x = add(layers.conv("body_conv", x, features, features), head);
    return pixelShuffle(layers.conv("tail", x, features, 3 * scale ** 2), scale);
  });
}

/** RLFB: three convolutions with a skip around them, fused by a 1×1, and spatial attention of one convolution (section 3.2). */
function block(layers: Layers, name: string, x: Value, { features, within, attention }: RlfnOptions): Value {
  const convolution = (i: number, y: Value, channels: number, filters: number): Value =>
    leakyRelu(layers.conv(`${name}.conv${i}`, y, channels, filters), SLOPE);
  const local = convolution(3, convolution(2, convolution(1, x, features, within), within, within), within, features);
  const fused = layers.conv(`${name}.fuse`, add(local, x), features, features, 1);
  return spatialAttention(layers, `${name}.attention`, fused, features, attention, (pooled) =>
    layers.conv(`${name}.attention.conv`, pooled, attention, attention),
  );
}
