import type { Value } from "../../graph/index.js";
import { add, concat, leakyRelu, pixelShuffle, split } from "../../operators/index.js";
import { contrastAttention } from "../attention.js";
import { inRange, type Layers } from "../layers.js";
import type { ImdnOptions } from "./options.js";

const activated = (x: Value): Value => leakyRelu(x, 0.05);

/** Blocks with a skip around them all, and one pixel shuffle (figure 2 of the paper). */
export function imdn(options: ImdnOptions, layers: Layers, lr: Value): Value {
  const { features, scale, blocks, variant } = options;
  return inRange(lr, options, (image) => {
    const head = layers.conv("head", image, 3, features);
    const outputs: Value[] = [];
    for (let b = 0; b < blocks; b++) outputs.push(block(layers, `blocks.${b}`, outputs.at(-1) ?? head, options));
    const body =
      variant === "original"
        ? activated(layers.conv("fuse", concat(outputs, 1), blocks * features, features, 1))
        : (outputs.at(-1) as Value);
    const x = add(layers.conv("body_conv", body, features, features), head);
    return pixelShuffle(layers.conv("tail", x, features, 3 * scale ** 2), scale);
  });
}

/** IMDB: each step keeps a quarter of its channels and refines the others (section 3.3). */
function block(layers: Layers, name: string, x: Value, { features, variant }: ImdnOptions): Value {
  const distilled = Math.floor(features / 4);
  const rest = features - distilled;
  const kept: Value[] = [];
  let y = x;
  for (const step of [1, 2, 3]) {
    const refined = activated(layers.conv(`${name}.conv${step}`, y, step === 1 ? features : rest, features));
    const [part, remaining] = split(refined, [distilled, rest], 1) as [Value, Value];
    kept.push(part);
    y = remaining;
  }
  const joined = concat([...kept, layers.conv(`${name}.conv4`, y, rest, distilled)], 1);
  const channels = 4 * distilled;
  const weighed =
    variant === "original"
      ? contrastAttention(layers, `${name}.attention`, joined, channels, Math.max(1, Math.floor(channels / 16)))
      : joined;
  return add(layers.conv(`${name}.fuse`, weighed, channels, features, 1), x);
}
