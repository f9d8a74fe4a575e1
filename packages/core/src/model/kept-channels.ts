import type { Value } from "../graph/index.js";
import type { ParameterShapes } from "../networks/index.js";
import type { ChannelAnalysis, ChannelGroup } from "./channels.js";

/** How many channels a slim network has of each group. */
export type KeptChannels = ReadonlyMap<ChannelGroup, number>;

/** A parameter's axis: how many of its indices belong to each group at full width, and how many to none. */
interface Axis {
  readonly indices: ReadonlyMap<ChannelGroup, number>;
  readonly fixed: number;
}

/** The axes of each parameter, by its name. */
export type ChannelAxes = ReadonlyMap<string, readonly Axis[]>;

/** Which axes of parameters share channels. */
export function channelAxes(
  places: Iterable<Value>,
  { groups, unitsOf }: Pick<ChannelAnalysis, "groups" | "unitsOf">,
): ChannelAxes {
  const groupOfUnit = groups.flatMap((group) => Array<ChannelGroup>(group.size).fill(group));
  const axisOf = (size: number, units: ReturnType<typeof unitsOf> = []): Axis => {
    const indices = new Map<ChannelGroup, number>();
    for (const unit of units) {
      const group = unit === undefined ? undefined : groupOfUnit[unit];
      if (group) indices.set(group, (indices.get(group) ?? 0) + 1);
    }
    return { indices, fixed: size - sum(indices.values()) };
  };
  return new Map(
    Array.from(places, (place) => [place.name, place.shape.map((size, i) => axisOf(size, unitsOf(place, i)))]),
  );
}

/** Shares of groups are fractions, whose sums are whole numbers but for this. */
const ROUNDING = 1e-6;

/**
 * Channels that parameters have of each group: as many as the first axis says along which no other group is unknown; what one axis
 * tells is taken off others. What is no count of channels (none, more than there are, a fraction) counts as all; a group that no
 * axis tells is left out.
 */
export function keptChannels(axes: ChannelAxes, parameters: ParameterShapes): KeptChannels {
  const kept = new Map<ChannelGroup, number>();
  for (let before = -1; before < kept.size; ) {
    before = kept.size;
    for (const [name, list] of axes) {
      for (const [i, axis] of list.entries()) {
        const [group, ...others] = [...axis.indices.keys()].filter((each) => !kept.has(each));
        if (!group || others.length > 0) continue;
        const share = axis.indices.get(group) as number;
        const rest = lengthOf(axis, kept) - share;
        const exact = (((parameters.get(name)?.[i] ?? Number.NaN) - rest) / share) * group.size;
        const count = Math.round(exact);
        const isCount = Math.abs(exact - count) < ROUNDING && count >= 1 && count <= group.size;
        kept.set(group, isCount ? count : group.size);
      }
    }
  }
  return kept;
}

/** The shapes that a network's parameters have with these channels. */
export const slimShapes = (axes: ChannelAxes, kept: KeptChannels): ParameterShapes =>
  new Map([...axes].map(([name, list]) => [name, list.map((axis) => lengthOf(axis, kept))]));

/** Of a group that isn't known, all channels count. */
function lengthOf({ indices, fixed }: Axis, kept: KeptChannels): number {
  const lengths = [...indices].map(([group, count]) => (count / group.size) * (kept.get(group) ?? group.size));
  return Math.round(fixed + sum(lengths));
}

export function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
