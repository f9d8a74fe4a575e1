import { UsageError } from "../errors.js";
import { type Graph, liveNodes, type Node, type Value } from "../graph/index.js";
import { Conv } from "../operators/index.js";

/** Names that are suggested in place of one that there isn't. */
const SUGGESTED = 3;
/** Layers that are listed. */
const LISTED = 20;

/**
 * Places among the graph's live nodes of those that names call: their outputs', or those of the layers whose weights they have. Outputs that nobody
 * named are called otherwise in each instance of a network; places are the same.
 * @throws UsageError for names that there aren't, with the nearest that there are
 */
export function placesOf(graph: Graph, names: readonly string[]): ReadonlySet<number> {
  const nodes = liveNodes(graph);
  return new Set(
    names.flatMap((name) => {
      const places = nodes.flatMap((node, i) => (namesOf(node).includes(name) ? [i] : []));
      if (places.length > 0) return places;
      const layers = [...new Set(nodes.flatMap((node) => layerNameOf(node) ?? []))];
      const known = [...layers, ...nodes.flatMap(({ outputs }) => outputs.map((output) => output.name))];
      const more = layers.length > LISTED ? ` and ${layers.length - LISTED} more` : "";
      throw new UsageError(
        `there is no layer ${name} to keep in float; nearest are ${nearest(name, known).join(", ")}; ` +
          `the network has ${layers.slice(0, LISTED).join(", ")}${more}`,
      );
    }),
  );
}

/** What a node is called by: its outputs, its weights, and their layers. */
const namesOf = ({ outputs, inputs }: Node): string[] =>
  [...outputs, ...inputs.slice(1)].flatMap((value) => (value ? [layerOf(value), value.name] : []));

const layerNameOf = ({ operator, inputs: [, weight] }: Node): string | undefined =>
  operator === Conv && weight ? layerOf(weight) : undefined;

/** A layer as it is called where its weight is "layer.weight". */
export const layerOf = ({ name }: Value): string => name.replace(/\.weight(#\d+)?$/, "");

/** The names that take fewest edits to become, for their length. */
function nearest(name: string, names: readonly string[]): string[] {
  const shareOf = (other: string) => editsBetween(name, other) / Math.max(name.length, other.length);
  return names
    .map((other) => ({ other, share: shareOf(other) }))
    .sort((a, b) => a.share - b.share)
    .slice(0, SUGGESTED)
    .map(({ other }) => other);
}

/** Characters to insert, remove or replace so that one text becomes another (Levenshtein). */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, 1 + (row[j] as number), 1 + (next[j - 1] as number)));
    }
    row = next;
  }
  return row[to.length] as number;
}
