import type { Value } from "../../graph/index.js";
import { add, concat, leakyRelu, pixelShuffle, relu } from "../../operators/index.js";
import { spatialAttention } from "../attention.js";
import { inRange, type Layers } from "../layers.js";
import type { RfdnOptions } from "./options.js";

const activated = (x: Value): Value => leakyRelu(x, 0.05);

/** Blocks whose outputs are fused, with a skip around them all, and one pixel shuffle (figure 3 of the paper). */
export function rfdn(options: RfdnOptions, layers: Layers, lr: Value): Value {
  const { features, scale, blocks } = options;
  return inRange(lr, options, (image) => {
    const head = layers.conv("head", image, 3, features);
    const outputs: Value[] = [];
    for (let b = 0; b < blocks; b++) outputs.push(block(layers, `blocks.${b}`, outputs.at(-1) ?? head, options));
    const fused = activated(layers.conv("fuse", concat(outputs, 1), blocks * features, features, 1));
    const body = add(layers.conv("body_conv", fused, features, features), head);
    return pixelShuffle(layers.conv("tail", body, features, 3 * scale ** 2), scale);
  });
}

/** RFDB: each step distils some channels by a 1×1 and hands on a shallow residual of all (figure 2c and section 3.2). */
function block(layers: Layers, name: string, x: Value, options: RfdnOptions): Value {
  const { features, distilled, attention } = options;
  const kept: Value[] = [];
  let y = x;
  for (const step of [1, 2, 3]) {
    kept.push(activated(layers.conv(`${name}.distil${step}`, y, features, distilled, 1)));
    y = activated(add(layers.conv(`${name}.conv${step}`, y, features, features), y));
  }
  kept.push(activated(layers.conv(`${name}.distil4`, y, features, distilled)));
  const fused = layers.conv(`${name}.fuse`, concat(kept, 1), 4 * distilled, features, 1);
  return spatialAttention(layers, `${name}.attention`, fused, features, attention, (pooled) => {
    const refined = (i: number, z: Value): Value => layers.conv(`${name}.attention.conv${i}`, z, attention, attention);
    return refined(3, relu(refined(2, relu(refined(1, pooled)))));
  });
}
