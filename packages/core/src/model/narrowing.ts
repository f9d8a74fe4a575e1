import { GraphError, NetworkError } from "../errors.js";
import {
  applyLike,
  Graph,
  graft,
  liveNodes,
  type Node,
  type Replacement,
  type Shape,
  sameShape,
  type Value,
} from "../graph/index.js";
import type { ChannelAnalysis, Units } from "./channels.js";
import { type ChannelAxes, channelAxes, keptChannels } from "./kept-channels.js";
import { keptShape, splitByCounts } from "./kept-parts.js";

/** A node that hands on some of its input's channels: the indices for each output, and the unit of each channel of the input. */
interface Selection {
  readonly node: Node;
  readonly lists: readonly (readonly number[])[];
  readonly units: Units;
}

/** What a graph needs to be told where its parameters have fewer channels than it was built for. */
export interface Narrowing {
  readonly analysis: ChannelAnalysis;
  readonly axes: ChannelAxes;
  readonly selections: readonly Selection[];
}

/** @param places the graph's parameters */
export function narrowingOf(graph: Graph, analysis: ChannelAnalysis, places: Iterable<Value>): Narrowing {
  const selections = liveNodes(graph).flatMap((node): Selection[] => {
    const { selection } = node.operator;
    const units = selection && node.inputs[0] && analysis.channelsOf(node.inputs[0]);
    const lists = units && selection.of(node);
    return lists ? [{ node, lists, units }] : [];
  });
  return { analysis, axes: channelAxes(places, analysis), selections };
}

/** Selections of those channels that are left where group i has `counts[i]`; undefined where all have all. */
function selectingKept(
  { analysis: { groups }, selections }: Narrowing,
  counts: readonly number[],
): Replacement | undefined {
  if (groups.every(({ size }, g) => counts[g] === size)) return undefined;
  const kept = new Set<number | undefined>([undefined]);
  groups.forEach(({ first }, g) => {
    for (let i = 0; i < (counts[g] as number); i++) kept.add(first + i);
  });
  const narrowed = new Map(
    selections.map(({ node, lists, units }) => {
      const places = new Map<number, number>();
      units.forEach((unit, i) => {
        if (kept.has(unit)) places.set(i, places.size);
      });
      return [node, lists.map((list) => list.flatMap((i) => places.get(i) ?? []))];
    }),
  );
  return (node, inputs) => {
    const lists = narrowed.get(node);
    return lists && node.operator.selection?.apply(node, inputs, lists);
  };
}

/** Replaces selections by those of the channels that parameters of the given shapes leave; undefined where nothing changes. */
export function selectingFrom(narrowing: Narrowing, shapes: ReadonlyMap<string, Shape>): Replacement | undefined {
  const kept = keptChannels(narrowing.axes, shapes);
  return selectingKept(
    narrowing,
    narrowing.analysis.groups.map((group) => kept.get(group) ?? group.size),
  );
}

/** A node that doesn't fit narrower channels, and how that shows. */
export interface Misfit {
  readonly node: Node;
  readonly reason: string;
}

/**
 * The first node that doesn't follow where channels are dropped, such as one that a file tells the number of channels; found by
 * dropping some of each group and inferring all shapes anew.
 */
export function misfitOf(graph: Graph, analysis: ChannelAnalysis): Misfit | undefined {
  const { groups } = analysis;
  const places = [...new Set(groups.flatMap(({ axes }) => axes.map(({ parameter }) => parameter)))];
  const narrowing = narrowingOf(graph, analysis, places);
  // Shares that differ from group to group: a count that happens to fit would not show.
  const counts = groups.map(({ size }, g) => Math.max(1, Math.floor(size * (0.5 + 0.1 * (g % 4)))));
  const split = splitByCounts(places, analysis, counts);
  const shapes = new Map(places.map(({ name, shape }) => [name, keptShape(split, name, shape)]));
  const told = keptChannels(narrowing.axes, shapes);
  const untold = narrowing.selections.find(({ units }) =>
    groups.some((group, g) => told.get(group) !== counts[g] && units.some((unit) => isOf(group, unit))),
  );
  if (untold)
    return { node: untold.node, reason: "parameters don't tell how many channels it has once some are dropped" };
  const mixed = narrowing.selections.find(({ lists, units }) => lists.some(isShuffled) && hasRepeats(units));
  if (mixed) return { node: mixed.node, reason: "it shuffles channels that are tied to each other" };
  const target = new Graph("narrow");
  const known = new Map<Value, Value>(
    graph.inputs.map((value) => [value, target.input(value.name, shapes.get(value.name) ?? value.shape, value.dtype)]),
  );
  for (const place of places)
    if (!known.has(place)) known.set(place, target.input(place.name, shapes.get(place.name) as Shape));
  const selecting = selectingKept(narrowing, counts);
  const visited: { at?: Node } = {};
  try {
    const outputs = graft(graph, target, known, [...graph.outputs.values()], {
      replacement: (node, inputs) => {
        visited.at = node;
        return selecting?.(node, inputs) ?? applyLike(node, target, inputs);
      },
    });
    const wrong = [...graph.outputs.values()].find(({ shape }, i) => !sameShape(shape, outputs[i]?.shape ?? []));
    return wrong?.producer && { node: wrong.producer, reason: "its size doesn't stay as it is" };
  } catch (error) {
    if (!(error instanceof GraphError || error instanceof NetworkError) || !visited.at) throw error;
    return { node: visited.at, reason: `doesn't fit where channels are dropped: ${error.message}` };
  }
}

const isShuffled = (list: readonly number[]): boolean =>
  list.some((index, i) => i > 0 && index < (list[i - 1] as number));

const hasRepeats = (units: Units): boolean => {
  const known = units.filter((unit) => unit !== undefined);
  return new Set(known).size < known.length;
};

const isOf = ({ first, size }: { first: number; size: number }, unit: number | undefined): boolean =>
  unit !== undefined && unit >= first && unit < first + size;
