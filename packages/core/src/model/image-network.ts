import { NetworkError, UsageError } from "../errors.js";
import type { Shape } from "../graph/index.js";
import type { Descriptor } from "./descriptor.js";
import { type Model, nameOf } from "./model.js";

/**
 * What slimming, training and evaluation take: a network from images of one channel (luma or grey) or three (RGB) to images of as
 * many channels, a whole number of times as large.
 * @throws NetworkError saying what else the network does
 */
export function requireImageNetwork(model: Model): void {
  const name = nameOf(model);
  const odd = oddChannels(model.descriptor.channels);
  if (odd !== undefined) throw new NetworkError(`${name} ${odd}`);
  const partial = partialScale(model.image.shape, model.output.shape);
  if (partial !== undefined) throw new NetworkError(`${name} ${partial}`);
}

/** What is wrong with the channels of a network's images; undefined for one of each, or three. */
export function oddChannels({ input, output }: Descriptor["channels"]): string | undefined {
  if (input === output && (input === 1 || input === 3)) return undefined;
  return (
    `takes images of ${input} channels and makes ${output}; expected 3 of each, RGB, or 1 of each, luma or grey: ` +
    "export a network of such images"
  );
}

/** @throws UsageError where a network's images have other channels than asked for */
export function requireChannels(name: string, { input }: Descriptor["channels"], asked: number | undefined): void {
  if (asked === undefined || asked === input) return;
  throw new UsageError(`${name} takes images of ${input} channels, not of ${asked} as asked`);
}

/** What is wrong with images [N, C, H, W] that aren't a whole number of times as large; undefined for those that are. */
export function partialScale([, , height = 1, width = 1]: Shape, [, , high = 1, wide = 1]: Shape): string | undefined {
  if (high % height === 0 && high / height === wide / width) return undefined;
  return (
    `makes ${wide}×${high} pixels of ${width}×${height}, which is no whole magnification: do its convolutions lack padding? ` +
    "Export it with padding that keeps the size"
  );
}
