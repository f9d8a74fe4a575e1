import type { EdsrOptions, NetworkOptions, RcanOptions, Scale } from "../networks/options.js";

/**
 * A side of a convolution: `times` as many channels as a group has. Layers that share a group (a residual stream, say)
 * have equally many channels there, however slim the network is.
 */
export interface Channels {
  readonly group: string;
  readonly times: number;
}

/** One convolution, which all layers with parameters are. */
export interface Layer {
  /** Canonical name; `.weight` and `.bias` follow it. */
  readonly name: string;
  readonly inputs: Channels;
  readonly outputs: Channels;
  readonly kernel: 1 | 3;
}

export const IMAGE_CHANNELS = 3;

const image: Channels = { group: "image", times: 1 };
const stream: Channels = { group: "stream", times: 1 };

/** CARN cascades three blocks of three blocks. */
const CARN_UNITS = [0, 1, 2] as const;

/** The layers of a network, in the order of computation. */
export function networkLayers(network: NetworkOptions): Layer[] {
  return [convolution("head", image, stream), ...trunk(network), ...upsampler(network.scale)];
}

/** Channels of a group at width 1. */
export function nominalChannels(network: NetworkOptions, group: string): number {
  if (group === image.group) return IMAGE_CHANNELS;
  if (network.architecture === "rcan" && group.endsWith(ATTENTION)) {
    return Math.floor(network.features / network.reduction);
  }
  return network.features;
}

/** Enlargement of each of the upsampler's pixel shuffles. */
function shuffleSteps(scale: Scale): number[] {
  return { 2: [2], 3: [3], 4: [2, 2] }[scale];
}

const ATTENTION = ".attention";

function trunk(network: NetworkOptions): Layer[] {
  switch (network.architecture) {
    case "edsr":
      return edsrTrunk(network);
    case "rcan":
      return rcanTrunk(network);
    case "carn":
      return carnTrunk();
  }
}

function edsrTrunk({ blocks }: EdsrOptions): Layer[] {
  return [
    ...count(blocks).flatMap((block) => residualBlock(`body.${block}`)),
    convolution("body_conv", stream, stream),
  ];
}

function rcanTrunk({ groups, blocks }: RcanOptions): Layer[] {
  const block = (name: string): Layer[] => {
    const bottleneck = { group: name + ATTENTION, times: 1 };
    return [
      ...residualBlock(name),
      convolution(`${name}.down`, stream, bottleneck, 1),
      convolution(`${name}.up`, bottleneck, stream, 1),
    ];
  };
  return [
    ...count(groups).flatMap((group) => [
      ...count(blocks).flatMap((index) => block(`body.${group}.body.${index}`)),
      convolution(`body.${group}.conv`, stream, stream),
    ]),
    convolution("body_conv", stream, stream),
  ];
}

function carnTrunk(): Layer[] {
  const cascade = (name: string, unit: (name: string) => Layer[]): Layer[] =>
    CARN_UNITS.flatMap((index) => [
      ...unit(`${name}.units.${index}`),
      convolution(`${name}.fuse.${index}`, { group: stream.group, times: index + 2 }, stream, 1),
    ]);
  return cascade("body", (name) => cascade(name, residualBlock));
}

function residualBlock(name: string): Layer[] {
  const inner = { group: name, times: 1 };
  return [convolution(`${name}.conv1`, stream, inner), convolution(`${name}.conv2`, inner, stream)];
}

function upsampler(scale: Scale): Layer[] {
  const layers: Layer[] = [];
  let inputs = stream;
  for (const [index, step] of shuffleSteps(scale).entries()) {
    const name = `upsampler.blocks.${index}`;
    layers.push(convolution(name, inputs, { group: name, times: step ** 2 }));
    inputs = { group: name, times: 1 };
  }
  return [...layers, convolution("tail", inputs, image)];
}

function convolution(name: string, inputs: Channels, outputs: Channels, kernel: 1 | 3 = 3): Layer {
  return { name, inputs, outputs, kernel };
}

function count(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
