import { CheckpointError } from "../errors.js";
import { showDimensions } from "../graph/types.js";
import type { NetworkOptions } from "../networks/options.js";
import { IMAGE, IMAGE_CHANNELS, networkLayers, nominalChannels } from "./layers.js";
import { printable } from "./printable.js";
import type { StateDict } from "./state.js";

/** Channels of each group of a network's layers. */
export type GroupChannels = Map<string, number>;

interface ParameterCheck {
  /** Whether no layer may be slimmer than nominal. */
  full?: boolean;
  /** What errors call a layer. */
  nameOf?: (layer: string) => string;
}

/** Channels at a width multiplier: ⌊width · C⌋ of each group of C, all of the image's. */
export function channelsAtWidth(network: NetworkOptions, width: number): GroupChannels {
  const channels: GroupChannels = new Map();
  for (const { output } of networkLayers(network)) {
    const nominal = nominalChannels(network, output);
    channels.set(output, output === IMAGE ? IMAGE_CHANNELS : Math.floor(width * nominal));
  }
  return channels;
}

/**
 * Check that `parameters` are exactly those of the network. They may be slimmer than nominal: what a group's first layer has,
 * the others must have.
 *
 * @throws CheckpointError naming missing and unexpected parameters, or the first whose shape doesn't fit
 */
export function checkParameters(
  network: NetworkOptions,
  parameters: StateDict,
  file: string,
  { full = false, nameOf = (layer) => layer }: ParameterCheck = {},
): void {
  const layers = networkLayers(network);
  const expected = new Set(layers.flatMap(({ name }) => [`${name}.weight`, `${name}.bias`]));
  const missing = [...expected].filter((name) => !parameters.has(name));
  const unexpected = [...parameters.keys()].filter((name) => !expected.has(name));
  if (missing.length > 0 || unexpected.length > 0) {
    throw new CheckpointError(
      `${file} does not hold the ${network.architecture.toUpperCase()} it describes: ${differences(missing, unexpected)}`,
    );
  }
  const channels = full ? channelsAtWidth(network, 1) : new Map([[IMAGE, IMAGE_CHANNELS]]);
  for (const { name, inputs, output, filters, kernel } of layers) {
    const weight = parameters.get(`${name}.weight`)?.shape ?? [];
    const bias = parameters.get(`${name}.bias`)?.shape ?? [];
    const nominal = nominalChannels(network, output);
    const columns = inputs.reduce((sum, group) => sum + (channels.get(group) ?? Number.NaN), 0);
    const written = (weight[0] ?? Number.NaN) / filters;
    const plausible = Number.isInteger(written) && written >= 1 && written <= nominal;
    const settled = channels.get(output) ?? (plausible ? written : nominal);
    const expected = [settled * filters, columns, kernel, kernel];
    if (weight.join() !== expected.join()) {
      throw new CheckpointError(
        `${file}: ${nameOf(name)}.weight is ${showDimensions(weight)}, expected ${showDimensions(expected)}`,
      );
    }
    if (bias.join() !== String(settled * filters)) {
      throw new CheckpointError(
        `${file}: ${nameOf(name)}.bias is ${showDimensions(bias)}, expected ${settled * filters} as its weight has`,
      );
    }
    channels.set(output, settled);
  }
}

/**
 * The width of parameters that may be slim: the roundest that leaves just these channels (`channelsAtWidth`) or, where no width does,
 * the mean share of channels that is left, to three digits.
 */
export function widthOf(network: NetworkOptions, parameters: StateDict): number {
  const full = channelsAtWidth(network, 1);
  const kept: GroupChannels = new Map();
  for (const { name, output, filters } of networkLayers(network)) {
    if (output !== IMAGE) kept.set(output, (parameters.get(`${name}.weight`)?.shape[0] ?? 0) / filters);
  }
  const leaves = (width: number): boolean => {
    const channels = channelsAtWidth(network, width);
    return [...kept].every(([group, count]) => channels.get(group) === count);
  };
  const least = Math.max(...[...kept].map(([group, count]) => count / (full.get(group) ?? count)));
  const exact = Number(least.toFixed(3)) === least ? [least] : [];
  const rounded = [1, 2, 3].map((digits) => Math.ceil(least * 10 ** digits) / 10 ** digits);
  const sum = (counts: Iterable<number>): number => [...counts].reduce((a, b) => a + b, 0);
  const share = sum(kept.values()) / (sum(full.values()) - IMAGE_CHANNELS);
  return [...exact, ...rounded].find((width) => width <= 1 && leaves(width)) ?? Number(share.toFixed(3));
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
