import { CheckpointError } from "../errors.js";
import type { NetworkOptions } from "../networks/options.js";
import { type Channels, IMAGE_CHANNELS, networkLayers, nominalChannels } from "./layers.js";
import { printable } from "./printable.js";
import { formatShape, type StateDict } from "./state.js";

/** Channels of each group of a network's layers. */
export type GroupChannels = Map<string, number>;

interface ParameterCheck {
  /** Channels that are settled beforehand. */
  channels?: GroupChannels;
  /** What errors call a layer. */
  nameOf?: (layer: string) => string;
}

/** Channels at a width multiplier: ⌊width · C⌋ of each group of C, all of the image's. */
export function channelsAtWidth(network: NetworkOptions, width: number): GroupChannels {
  const channels: GroupChannels = new Map();
  for (const { inputs, outputs } of networkLayers(network)) {
    for (const { group } of [inputs, outputs]) {
      const nominal = nominalChannels(network, group);
      channels.set(group, group === "image" ? IMAGE_CHANNELS : Math.floor(width * nominal));
    }
  }
  return channels;
}

/**
 * Check that `parameters` are exactly those of the network, and yield the channels that their shapes give each group:
 * the nominal ones or, of a slimmed network, fewer.
 *
 * @throws CheckpointError naming missing and unexpected parameters, or the first whose shape doesn't fit the others
 */
export function checkParameters(
  network: NetworkOptions,
  parameters: StateDict,
  file: string,
  { channels = new Map(), nameOf = (layer) => layer }: ParameterCheck = {},
): GroupChannels {
  const layers = networkLayers(network);
  const expected = new Set(layers.flatMap(({ name }) => [`${name}.weight`, `${name}.bias`]));
  const missing = [...expected].filter((name) => !parameters.has(name));
  const unexpected = [...parameters.keys()].filter((name) => !expected.has(name));
  if (missing.length > 0 || unexpected.length > 0) {
    throw new CheckpointError(
      `${file} does not hold the ${network.architecture.toUpperCase()} it describes: ${differences(missing, unexpected)}`,
    );
  }
  for (const { name, inputs, outputs, kernel } of layers) {
    const weight = parameters.get(`${name}.weight`)?.shape ?? [];
    const bias = parameters.get(`${name}.bias`)?.shape ?? [];
    const [rows = 0, columns = 0] = weight;
    const fits =
      weight.length === 4 &&
      weight[2] === kernel &&
      weight[3] === kernel &&
      settle(channels, outputs, rows, network) &&
      settle(channels, inputs, columns, network);
    if (!fits) {
      throw new CheckpointError(
        `${file}: ${nameOf(name)}.weight is ${formatShape(weight)}, expected ${expectation(channels, network, outputs)}×` +
          `${expectation(channels, network, inputs)}×${kernel}×${kernel}`,
      );
    }
    if (bias.length !== 1 || bias[0] !== rows) {
      throw new CheckpointError(
        `${file}: ${nameOf(name)}.bias is ${formatShape(bias)}, expected ${rows} as its weight has`,
      );
    }
  }
  return channels;
}

/** "missing a, b and 3 more; unexpected c". */
export function differences(missing: readonly string[], unexpected: readonly string[]): string {
  const list = (label: string, names: readonly string[]): string[] => {
    if (names.length === 0) return [];
    const rest = names.length > 4 ? ` and ${names.length - 4} more` : "";
    return [
      `${label} ${names
        .slice(0, 4)
        .map((name) => printable(name))
        .join(", ")}${rest}`,
    ];
  };
  return [...list("missing", missing), ...list("unexpected", unexpected)].join("; ");
}

/** Note that a side has `size` channels, unless that is more than nominal or contradicts an earlier layer. */
function settle(channels: GroupChannels, { group, times }: Channels, size: number, network: NetworkOptions): boolean {
  const width = size / times;
  const nominal = nominalChannels(network, group);
  if (!Number.isInteger(width) || width < 1 || width > nominal) return false;
  if (group === "image" && width !== nominal) return false;
  const known = channels.get(group);
  if (known === undefined) channels.set(group, width);
  return known === undefined || known === width;
}

function expectation(channels: GroupChannels, network: NetworkOptions, { group, times }: Channels): string {
  const known = channels.get(group) ?? nominalChannels(network, group);
  return String(known * times);
}
