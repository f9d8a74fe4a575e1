import { GraphError } from "../errors.js";
import type { Graph, Node, Value } from "../graph/index.js";

/**
 * Which channels of a network are one and the same. A unit is what must be kept or dropped together: a channel that several
 * convolutions write or read (through sums, products, elementwise functions), or the r² channels that a pixel shuffle makes one.
 * A group is an ordered set of units that come from the same axes; the images' channels belong to no group.
 */
export interface ChannelGroup {
  /** Number of units, and the first of them in `ChannelAnalysis.units`' numbering. */
  readonly size: number;
  readonly first: number;
  /** Parameter axes that the group runs along. */
  readonly axes: { readonly parameter: Value; readonly axis: number }[];
}

export interface ChannelAnalysis {
  readonly groups: readonly ChannelGroup[];
  /** The unit of each index along a parameter's axis; undefined where the axis belongs to an image or isn't one of channels. */
  readonly unitsOf: (parameter: Value, axis: number) => readonly number[] | undefined;
}

/** All channels of images: they are never dropped. */
const IMAGE = 0;

/** Atoms are merged as sums, products and shuffles tie them together (union-find with path halving). */
class Atoms {
  readonly #parent: number[] = [IMAGE];

  fresh(count: number): number[] {
    return Array.from({ length: count }, () => this.#parent.push(this.#parent.length) - 1);
  }

  find(atom: number): number {
    let at = atom;
    for (let up = this.#parent[at] as number; up !== at; up = this.#parent[at] as number) {
      this.#parent[at] = this.#parent[up] as number;
      at = up;
    }
    return at;
  }

  unite(a: number, b: number): void {
    const [x, y] = [this.find(a), this.find(b)];
    this.#parent[Math.max(x, y)] = Math.min(x, y);
  }
}

/**
 * Groups of channels, from the graph alone: images enter as 4-D graph inputs named in `images` and leave as outputs.
 * @throws GraphError for an operator whose effect on channels is unknown.
 */
export function analyseChannels(graph: Graph, images: readonly Value[]): ChannelAnalysis {
  const atoms = new Atoms();
  const channels = new Map<Value, number[]>();
  const axes = new Map<Value, (number[] | undefined)[]>();
  for (const image of images) channels.set(image, Array<number>(image.shape[1] as number).fill(IMAGE));
  for (const node of graph.nodes) trace(node, atoms, channels, axes);
  for (const output of graph.outputs.values()) for (const atom of channels.get(output) ?? []) atoms.unite(IMAGE, atom);
  return collect(atoms, axes);
}

function trace(
  node: Node,
  atoms: Atoms,
  channels: Map<Value, number[]>,
  axes: Map<Value, (number[] | undefined)[]>,
): void {
  const [x, second, third] = node.inputs;
  const output = node.outputs[0] as Value;
  const tracked = node.inputs.filter((value) => value !== undefined && channels.has(value)) as Value[];
  if (tracked.length === 0) return;
  switch (node.operator) {
    case "Conv": {
      if (!x || !second || !channels.has(x)) throw new GraphError(`${output.name}: a convolution by an activation`);
      const written = atoms.fresh(second.shape[0] as number);
      axes.set(second, [written, [...(channels.get(x) as number[])]]);
      if (third) axes.set(third, [written]);
      channels.set(output, written);
      return;
    }
    case "Concat":
      channels.set(
        output,
        node.inputs.flatMap((part) => (part && channels.get(part)) ?? []),
      );
      return;
    case "DepthToSpace": {
      const shuffled = channels.get(tracked[0] as Value) as number[];
      const each = shuffled.length / (output.shape[1] as number);
      channels.set(
        output,
        Array.from({ length: output.shape[1] as number }, (_, c) => shuffled[c * each] as number),
      );
      shuffled.forEach((atom, i) => {
        atoms.unite(shuffled[i - (i % each)] as number, atom);
      });
      return;
    }
    case "PRelu":
      if (second && second.shape[0] !== 1) axes.set(second, [channels.get(tracked[0] as Value)]);
      break;
  }
  // Everything else acts channel by channel: what has the output's channels is tied together.
  const lists = tracked.map((value) => channels.get(value) as number[]);
  const [first, ...rest] = lists as [number[], ...number[][]];
  if (tracked.some((value) => value.shape[1] !== output.shape[1])) {
    throw new GraphError(`${node.operator} (output ${output.name}): its effect on channels is not known`);
  }
  for (const list of rest) list.forEach((atom, i) => atoms.unite(first[i] as number, atom));
  channels.set(output, first);
}

/** Numbers the units group by group: axes that share a unit are of one group, in the order in which the graph writes them. */
function collect(atoms: Atoms, axes: Map<Value, (number[] | undefined)[]>): ChannelAnalysis {
  const units = new Map<number, number>();
  const groups: ChannelGroup[] = [];
  const groupOf = new Map<number, ChannelGroup>();
  const resolved = new Map<Value, (number[] | undefined)[]>();
  const roots = (list: readonly number[]) => list.map((atom) => atoms.find(atom));
  for (const [parameter, lists] of axes) {
    lists.forEach((list, axis) => {
      const distinct = [...new Set(roots(list ?? []))].filter((atom) => atom !== IMAGE);
      const unknown = distinct.filter((atom) => !units.has(atom));
      if (unknown.length > 0) {
        const group: ChannelGroup = { size: unknown.length, first: units.size, axes: [] };
        for (const atom of unknown) {
          units.set(atom, units.size);
          groupOf.set(atom, group);
        }
        groups.push(group);
      }
      for (const group of new Set(distinct.map((atom) => groupOf.get(atom) as ChannelGroup))) {
        group.axes.push({ parameter, axis });
      }
    });
  }
  for (const [parameter, lists] of axes) {
    resolved.set(
      parameter,
      lists.map((list) => {
        const known = list && roots(list);
        return known?.some((atom) => atom !== IMAGE) ? known.map((atom) => units.get(atom) as number) : undefined;
      }),
    );
  }
  return { groups, unitsOf: (parameter, axis) => resolved.get(parameter)?.[axis] };
}
