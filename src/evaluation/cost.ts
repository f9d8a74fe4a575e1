import { type Layer, networkLayers } from "../checkpoints/layers.js";
import { channelsAtWidth, type GroupChannels } from "../checkpoints/shapes.js";
import { UsageError } from "../errors.js";
import type { NetworkOptions } from "../networks/options.js";

/** What one convolution costs. */
export interface LayerCost {
  /** Canonical name. */
  name: string;
  inputs: number;
  outputs: number;
  kernel: number;
  /** Weights and biases. */
  parameters: number;
  /** Multiply-accumulate operations an image, biases not counted. */
  macs: number;
}

export interface Cost {
  parameters: number;
  macs: number;
  layers: LayerCost[];
}

/** Size of a network's output in pixels. */
export interface OutputSize {
  width: number;
  height: number;
}

/** The size for which the field states multiply-accumulates (Ahn et al. 2018, section 4.3). */
export const HD_OUTPUT: OutputSize = { width: 1280, height: 720 };

/**
 * Parameters and multiply-accumulates of a network, from its layers' shapes. An input that would have a fraction of a
 * pixel (1280 / 3) counts as that fraction, as in the literature.
 *
 * @param channels of each group of layers: `checkParameters` yields those of weights at hand; by default the full network's
 */
export function networkCost(
  network: NetworkOptions,
  output: OutputSize = HD_OUTPUT,
  channels: GroupChannels = channelsAtWidth(network, 1),
): Cost {
  const inputPixels = (output.width * output.height) / network.scale ** 2;
  const layers = networkLayers(network).map((layer) => layerCost(layer, inputPixels, channels));
  return { parameters: sum(layers, "parameters"), macs: sum(layers, "macs"), layers };
}

/**
 * The cost of a student that has the first ⌊width · C⌋ channels of each layer.
 *
 * @throws UsageError where the width leaves a layer without channels
 */
export function costAtWidth(network: NetworkOptions, width: number, output: OutputSize = HD_OUTPUT): Cost {
  const channels = channelsAtWidth(network, width);
  for (const [group, size] of channels) {
    if (size < 1) throw new UsageError(`width ${width} leaves ${group} without channels; take a larger one`);
  }
  return networkCost(network, output, channels);
}

function layerCost(
  { name, inputs, outputs, kernel, magnification }: Layer,
  pixels: number,
  channels: GroupChannels,
): LayerCost {
  const columns = (channels.get(inputs.group) ?? 0) * inputs.times;
  const rows = (channels.get(outputs.group) ?? 0) * outputs.times;
  const weights = rows * columns * kernel ** 2;
  const positions = magnification === "pooled" ? 1 : pixels * magnification ** 2;
  return { name, inputs: columns, outputs: rows, kernel, parameters: weights + rows, macs: weights * positions };
}

function sum(layers: readonly LayerCost[], figure: "parameters" | "macs"): number {
  return layers.reduce((total, layer) => total + layer[figure], 0);
}
