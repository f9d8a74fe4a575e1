import { CheckpointError } from "../errors.js";
import { sameShape, showDimensions, type Value } from "../graph/index.js";
import { analyseChannels } from "../model/channels.js";
import { type ChannelAxes, channelAxes, keptChannels, slimShapes, sum } from "../model/kept-channels.js";
import { countAtWidth } from "../model/split.js";
import {
  architectureOf,
  type NetworkOptions,
  type ParameterShapes,
  parameterShapes,
  structure,
} from "../networks/index.js";
import { printable } from "./printable.js";
import type { StateDict } from "./state.js";

/** Channels of all layers beyond which a slim network is refused: 20 times RCAN's, which take a second to be told apart. */
const MOST_CHANNELS = 2 ** 20;

interface ParameterCheck {
  /** Whether no layer may be slimmer than nominal. */
  full?: boolean;
  /** What errors call a parameter. */
  nameOf?: (parameter: string) => string;
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
  { full = false, nameOf = (parameter) => parameter }: ParameterCheck = {},
): void {
  const nominal = parameterShapes(network);
  const missing = [...nominal.keys()].filter((name) => !parameters.has(name));
  const unexpected = [...parameters.keys()].filter((name) => !nominal.has(name));
  if (missing.length > 0 || unexpected.length > 0) {
    const { title } = architectureOf(network);
    throw new CheckpointError(`${file} does not hold the ${title} it describes: ${differences(missing, unexpected)}`);
  }
  const found = shapesOf(parameters);
  for (const [name, shape] of full ? nominal : expectedShapes(network, nominal, found, file)) {
    const own = found.get(name) ?? [];
    if (!sameShape(own, shape)) {
      throw new CheckpointError(
        `${file}: ${nameOf(name)} is ${showDimensions(own)}, expected ${showDimensions(shape)}`,
      );
    }
  }
}

/** The network's shapes with the channels that `found` has of each group. */
function expectedShapes(
  network: NetworkOptions,
  nominal: ParameterShapes,
  found: ParameterShapes,
  file: string,
): ParameterShapes {
  if ([...nominal].every(([name, shape]) => sameShape(found.get(name) ?? [], shape))) return nominal;
  const channels = sum([...nominal.values()].map(([size = 0]) => size));
  if (channels > MOST_CHANNELS) {
    throw new CheckpointError(
      `${file} describes a network of ${channels} channels, slimmed; at most ${MOST_CHANNELS} can be followed`,
    );
  }
  const axes = axesOf(network);
  return slimShapes(axes, keptChannels(axes, found));
}

/** Which axes of a network's parameters share channels. */
function axesOf(network: NetworkOptions): ChannelAxes {
  const { graph, shapes } = structure(network);
  const [places, images] = [true, false].map((wanted) =>
    graph.inputs.filter(({ name }) => shapes.has(name) === wanted),
  );
  return channelAxes(places as Value[], analyseChannels(graph, images as Value[]));
}

/**
 * The width of parameters that may be slim: the roundest that leaves just these channels, ⌊width · C⌋ of each group of C, or,
 * where no width does, the mean share of channels that is left, to three digits.
 */
export function widthOf(network: NetworkOptions, parameters: StateDict): number {
  const kept = [...keptChannels(axesOf(network), shapesOf(parameters))];
  const leaves = (width: number): boolean => kept.every(([group, count]) => count === countAtWidth(group, width));
  const least = Math.max(...kept.map(([{ size }, count]) => count / size));
  const exact = Number(least.toFixed(3)) === least ? [least] : [];
  const rounded = [1, 2, 3].map((digits) => Math.ceil(least * 10 ** digits) / 10 ** digits);
  const share = sum(kept.map(([, count]) => count)) / sum(kept.map(([{ size }]) => size));
  return [...exact, ...rounded].find((width) => width <= 1 && leaves(width)) ?? Number(share.toFixed(3));
}

/** The shapes of a checkpoint's tensors. */
export const shapesOf = (state: StateDict): ParameterShapes =>
  new Map([...state].map(([name, { shape }]) => [name, shape]));

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
