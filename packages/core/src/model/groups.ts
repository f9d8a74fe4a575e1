import type { Freedom, Value } from "../graph/index.js";
import { IMAGE } from "./atoms.js";
import type { ChannelAnalysis, ChannelGroup, Units } from "./channels.js";
import type { Trace } from "./trace.js";

/** Groups the units that occur equally often along the same axes, in the order in which the graph writes them. */
export function collectGroups({ atoms, axes, restricted, channels, marks, pins }: Trace): ChannelAnalysis {
  const roots = (list: readonly number[]) => list.map((atom) => atoms.find(atom));
  const resolved = axes.map(({ parameter, axis, role, atoms: list }) => ({
    parameter,
    axis,
    role,
    atoms: roots(list),
  }));
  const occurrences = new Map<number, number[]>();
  resolved.forEach((axis, i) => {
    for (const atom of axis.atoms) if (atom !== IMAGE) append(occurrences, atom, i);
  });
  marks.forEach((list, m) => {
    for (const atom of new Set(roots(list))) occurrences.get(atom)?.push(resolved.length + m);
  });
  const members = new Map<string, number[]>();
  for (const [atom, along] of occurrences) append(members, along.join(), atom);
  const [homogeneous, curved] = [new Set(roots(restricted.scaling)), new Set(roots(restricted.permutation))];
  const freedomOf = (list: readonly number[]): Freedom => {
    if (list.some((atom) => curved.has(atom))) return "permutation";
    return list.some((atom) => homogeneous.has(atom)) ? "scaling" : "linear";
  };
  const units = new Map<number, number>();
  const groups = [...members.values()].map((list): ChannelGroup => {
    const first = units.size;
    for (const atom of list) units.set(atom, units.size);
    const along = [...new Set(occurrences.get(list[0] as number))].flatMap((i) => (resolved[i] ? [resolved[i]] : []));
    return {
      size: list.length,
      first,
      freedom: freedomOf(list),
      axes: along.map(({ parameter, axis, role }) => ({ parameter, axis, role })),
    };
  });
  const numbered = (list: readonly number[]): Units | undefined => {
    const known = list.map((atom) => units.get(atom));
    return known.some((unit) => unit !== undefined) ? known : undefined;
  };
  const parameterUnits = new Map<Value, Map<number, Units | undefined>>();
  for (const { parameter, axis, atoms: list } of resolved) {
    const known = parameterUnits.get(parameter) ?? new Map<number, Units | undefined>();
    parameterUnits.set(parameter, known.set(axis, numbered(list)));
  }
  return {
    groups,
    unitsOf: (parameter, axis) => parameterUnits.get(parameter)?.get(axis),
    channelsOf: (activation) => {
      const list = channels.get(activation);
      return list && numbered(roots(list));
    },
    pins,
  };
}

function append<Key>(lists: Map<Key, number[]>, key: Key, value: number): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}
