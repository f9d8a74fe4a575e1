import type { Value } from "../../graph/index.js";
import { add, concat, mul, pixelShuffle, sigmoid, sub } from "../../operators/index.js";
import { type Layers, meanColour } from "../layers.js";
import type { SpanOptions } from "./options.js";

const BLOCKS = 6;

/**
 * Six blocks, of which the first's output and the last's first activation are fused with the head and the body (figure 2 of the
 * paper). The mean is taken off the image and never added: what comes out is the image itself, in 0..1.
 */
export function span({ features, scale, mean, range }: SpanOptions, layers: Layers, lr: Value): Value {
  const centred = sub(lr, meanColour(lr, mean));
  const head = layers.conv("head", range === 255 ? centred : mul(centred, range / 255), 3, features);
  const blocks: Block[] = [];
  for (let b = 0; b < BLOCKS; b++) blocks.push(block(layers, `blocks.${b}`, blocks.at(-1)?.output ?? head, features));
  const [first, last] = [blocks[0] as Block, blocks[BLOCKS - 1] as Block];
  const body = layers.conv("body_conv", last.output, features, features);
  const fused = layers.conv("fuse", concat([head, body, first.output, last.activated], 1), 4 * features, features, 1);
  return mul(pixelShuffle(layers.conv("tail", fused, features, 3 * scale ** 2), scale), 255);
}

interface Block {
  readonly output: Value;
  /** What the first convolution's activation makes, which the published code hands on. */
  readonly activated: Value;
}

/** SPAB: y = (h + x)·(σ(h) − ½), an attention without parameters, h being three convolutions of x (equations 2 to 4). */
function block(layers: Layers, name: string, x: Value, features: number): Block {
  const convolution = (i: number, y: Value): Value => layers.conv(`${name}.conv${i}`, y, features, features);
  const activated = silu(convolution(1, x));
  const h = convolution(3, silu(convolution(2, activated)));
  return { output: mul(add(h, x), sub(sigmoid(h), 0.5)), activated };
}

const silu = (x: Value): Value => mul(x, sigmoid(x));
