import type { Value } from "../../graph/index.js";
import {
  averagePool,
  concat,
  div,
  exp,
  leakyRelu,
  mul,
  pixelShuffle,
  sigmoid,
  slice,
  split,
} from "../../operators/index.js";
import { inRange, type Layers } from "../layers.js";
import { resizeLike } from "../sizes.js";
import type { PlainusrOptions } from "./options.js";

/** Height and width of the windows over which importance is pooled. */
export const WINDOW = 7;

/** Blocks of which each changes the first channels only, fewer towards the middle, and one pixel shuffle. */
export function plainusr(options: PlainusrOptions, layers: Layers, lr: Value): Value {
  const { features, scale, changed } = options;
  return inRange(lr, options, (image) => {
    let x = layers.conv("head", image, 3, features);
    for (const [b, channels] of changed.entries()) {
      const [first, rest] = channels < features ? split(x, [channels, features - channels], 1) : [x];
      const made = block(layers, nameOf(b, changed.length), first as Value, channels, options);
      x = rest ? concat([made, rest], 1) : made;
    }
    return pixelShuffle(layers.conv("tail", x, features, 3 * scale ** 2), scale);
  });
}

/** Published names count the blocks on either side of the middle one. */
function nameOf(block: number, blocks: number): string {
  const middle = (blocks - 1) / 2;
  return block === middle ? "middle" : `blocks.${block < middle ? block : block - 1}`;
}

function block(layers: Layers, name: string, x: Value, channels: number, options: PlainusrOptions): Value {
  let y = x;
  for (let i = 0; i < options.layers; i++) y = leakyRelu(layers.conv(`${name}.conv${i}`, y, channels, channels), 0.05);
  y = layers.conv(`${name}.conv${options.layers}`, y, channels, channels);
  const attention = (i: number, z: Value, inputs: number, filters: number, kernel: number, stride = 1): Value =>
    layers.conv(`${name}.attention.conv${i}`, z, inputs, filters, kernel, { strides: [stride, stride] });
  // The first channel gates all.
  const gated = (z: Value): Value => mul(z, sigmoid(slice(y, [{ axis: 1, start: 0, end: 1 }])));
  if (options.attention === 0)
    return name === "middle" ? mul(gated(y), sigmoid(attention(0, y, channels, channels, 3))) : y;
  const within = options.attention;
  const importance = softPool(attention(0, y, channels, within, 1));
  const gate = sigmoid(attention(2, attention(1, importance, within, within, 3, 2), within, channels, 3));
  return gated(mul(y, resizeLike(gate, y)));
}

/** Means of windows, weighed by the exponentials of what they are of. */
function softPool(x: Value): Value {
  const weight = exp(x);
  const pooled = (y: Value): Value => averagePool(y, [WINDOW, WINDOW], { strides: [3, 3] });
  return div(pooled(mul(weight, x)), pooled(weight));
}
