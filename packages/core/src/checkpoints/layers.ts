import type { EdsrOptions, NetworkOptions, RcanOptions, Scale } from "../networks/options.js";

/**
 * One convolution, which all layers with parameters are. Its sides are groups of channels: layers that share a group (a
 * residual stream, say) have equally many channels there, however slim the network is.
 */
export interface Layer {
  /** Canonical name; `.weight` and `.bias` follow it. */
  readonly name: string;
  /** Groups that are concatenated to the input. An earlier layer writes each of them, except the image's. */
  readonly inputs: readonly string[];
  readonly output: string;
  /** Filters per channel of the output's group: r² before a pixel shuffle of r. */
  readonly filters: number;
  readonly kernel: 1 | 3;
}

/** The group that is never slimmed. */
export const IMAGE = "image";
export const IMAGE_CHANNELS = 3;

/** What the head writes and residual blocks add to. */
const STREAM = "stream";

const ATTENTION = ".attention";

/** CARN cascades three blocks of three blocks. */
const CARN_UNITS = [0, 1, 2] as const;

/** The layers of a network, in the order of computation. */
export function networkLayers(network: NetworkOptions): Layer[] {
  const trunk = trunkLayers(network);
  return [layer("head", [IMAGE], STREAM), ...trunk, ...upsampler(network.scale, trunk.at(-1)?.output ?? STREAM)];
}

/** Channels of a group at width 1. */
export function nominalChannels(network: NetworkOptions, group: string): number {
  if (group === IMAGE) return IMAGE_CHANNELS;
  if (network.architecture === "rcan" && group.endsWith(ATTENTION)) {
    return Math.floor(network.features / network.reduction);
  }
  return network.features;
}

/** Enlargement of each of the upsampler's pixel shuffles. */
function shuffleSteps(scale: Scale): number[] {
  return { 2: [2], 3: [3], 4: [2, 2] }[scale];
}

function trunkLayers(network: NetworkOptions): Layer[] {
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
    ...count(blocks).flatMap((block) => residualBlock(`body.${block}`, STREAM)),
    layer("body_conv", [STREAM], STREAM),
  ];
}

function rcanTrunk({ groups, blocks }: RcanOptions): Layer[] {
  const block = (name: string): Layer[] => [
    ...residualBlock(name, STREAM),
    layer(`${name}.down`, [STREAM], name + ATTENTION, 1),
    layer(`${name}.up`, [name + ATTENTION], STREAM, 1),
  ];
  return [
    ...count(groups).flatMap((group) => [
      ...count(blocks).flatMap((index) => block(`body.${group}.body.${index}`)),
      layer(`body.${group}.conv`, [STREAM], STREAM),
    ]),
    layer("body_conv", [STREAM], STREAM),
  ];
}

function carnTrunk(): Layer[] {
  return cascade("body", STREAM, (name, input) => cascade(name, input, residualBlock));
}

/** Each unit's output joins the cascade's input and all outputs before; a 1×1 convolution fuses them for the next unit. */
function cascade(name: string, input: string, unit: (name: string, input: string) => Layer[]): Layer[] {
  const layers: Layer[] = [];
  const seen = [input];
  let fused = input;
  for (const index of CARN_UNITS) {
    const inner = unit(`${name}.units.${index}`, fused);
    seen.push(inner.at(-1)?.output ?? fused);
    fused = `${name}.fuse.${index}`;
    layers.push(...inner, layer(fused, [...seen], fused, 1));
  }
  return layers;
}

/** A residual block writes to the group that it reads. */
function residualBlock(name: string, input: string): Layer[] {
  return [layer(`${name}.conv1`, [input], name), layer(`${name}.conv2`, [name], input)];
}

function upsampler(scale: Scale, input: string): Layer[] {
  const layers: Layer[] = [];
  let last = input;
  for (const [index, step] of shuffleSteps(scale).entries()) {
    const name = `upsampler.blocks.${index}`;
    layers.push({ ...layer(name, [last], name), filters: step ** 2 });
    last = name;
  }
  return [...layers, layer("tail", [last], IMAGE)];
}

function layer(name: string, inputs: readonly string[], output: string, kernel: 1 | 3 = 3): Layer {
  return { name, inputs, output, filters: 1, kernel };
}

function count(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
