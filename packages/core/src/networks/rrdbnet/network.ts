import type { Value } from "../../graph/index.js";
import { add, concat, leakyRelu, mul, resizeNearest } from "../../operators/index.js";
import { inRange, type Layers } from "../layers.js";
import { atMultiple, pixelUnshuffle } from "../sizes.js";
import type { RrdbnetOptions } from "./options.js";

/** What the upsampler magnifies by. */
export const MAGNIFICATION = 4;

const RESIDUAL_SCALE = 0.2;

const activated = (x: Value): Value => leakyRelu(x, 0.2);

/** Residual-in-residual dense blocks with a skip around them all, then nearest pixels and convolutions (figure 4 of the paper). */
export function rrdbnet(options: RrdbnetOptions, layers: Layers, lr: Value): Value {
  const { features, blocks, scale } = options;
  const shuffle = MAGNIFICATION / scale;
  const network = (image: Value): Value => {
    const head = layers.conv("head", pixelUnshuffle(image, shuffle), 3 * shuffle ** 2, features);
    let x = head;
    for (let b = 0; b < blocks; b++) x = block(layers, `body.${b}`, x, options);
    x = add(head, layers.conv("body_conv", x, features, features));
    for (const step of [0, 1]) x = activated(layers.conv(`upsampler.${step}`, resizeNearest(x, 2), features, features));
    return layers.conv("tail", activated(layers.conv("refine", x, features, features)), features, 3);
  };
  return inRange(lr, options, (image) => atMultiple(image, shuffle, scale, network));
}

/** RRDB: three dense blocks, a scaled residual around each and around them all. */
function block(layers: Layers, name: string, x: Value, options: RrdbnetOptions): Value {
  let y = x;
  for (const d of [0, 1, 2]) y = denseBlock(layers, `${name}.dense${d}`, y, options);
  return add(mul(y, RESIDUAL_SCALE), x);
}

/** Five convolutions, each of all that came before it. */
function denseBlock(layers: Layers, name: string, x: Value, { features, growth }: RrdbnetOptions): Value {
  let seen = x;
  for (let i = 0; i < 4; i++) {
    seen = concat([seen, activated(layers.conv(`${name}.conv${i}`, seen, features + i * growth, growth))], 1);
  }
  return add(mul(layers.conv(`${name}.conv4`, seen, features + 4 * growth, features), RESIDUAL_SCALE), x);
}
