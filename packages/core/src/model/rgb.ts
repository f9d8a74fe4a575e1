import { NetworkError } from "../errors.js";
import type { Shape } from "../graph/index.js";
import { type Model, nameOf } from "./model.js";

/**
 * What slimming and training take: a network from RGB images to RGB images a whole number of times as large.
 * @throws NetworkError saying what else the network does
 */
export function requireRgbNetwork(model: Model): void {
  const { channels } = model.descriptor;
  const name = nameOf(model);
  if (channels.input !== 3 || channels.output !== 3) {
    const luma = channels.input === 1 ? " (the luma alone?)" : "";
    throw new NetworkError(
      `${name} takes images of ${channels.input} channels${luma} and makes ${channels.output}; expected 3 of each, RGB: export a ` +
        "network of RGB images",
    );
  }
  const partial = partialScale(model.image.shape, model.output.shape);
  if (partial !== undefined) throw new NetworkError(`${name} ${partial}`);
}

/** What is wrong with images [N, C, H, W] that aren't a whole number of times as large; undefined for those that are. */
export function partialScale([, , height = 1, width = 1]: Shape, [, , high = 1, wide = 1]: Shape): string | undefined {
  if (high % height === 0 && high / height === wide / width) return undefined;
  return (
    `makes ${wide}×${high} pixels of ${width}×${height}, which is no whole magnification: do its convolutions lack padding? ` +
    "Export it with padding that keeps the size"
  );
}
