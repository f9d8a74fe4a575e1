import type { Value } from "../../graph/index.js";
import { concat, pixelShuffle } from "../../operators/index.js";
import { chain } from "../dncnn/network.js";
import { inRange, type Layers } from "../layers.js";
import { atMultiple, filledLike, pixelUnshuffle } from "../sizes.js";
import type { FfdnetOptions } from "./options.js";

/**
 * Convolutions at half the resolution, of the image and a map of the noise level, here the same everywhere (figure 1 of the
 * paper); odd sizes are padded by their last row and column.
 */
export function ffdnet(options: FfdnetOptions, layers: Layers, lr: Value): Value {
  const { channels, noise, range } = options;
  return inRange(lr, options, (image) =>
    atMultiple(image, 2, 1, (even) => {
      const halved = pixelUnshuffle(even, 2);
      const seen = concat([halved, filledLike(halved, (noise * range) / 255)], 1);
      return pixelShuffle(chain(options, layers, seen, 4 * channels + 1, 4 * channels), 2);
    }),
  );
}
