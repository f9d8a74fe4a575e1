import type { Convention, PerScale } from "../networks/architecture.js";
import type { Scale } from "../networks/index.js";
import { shapesOf } from "./shapes.js";
import type { StateDict } from "./state.js";

/** One scale's part of a state of several. */
export interface OneScale {
  readonly state: StateDict;
  /** Scales that the state has layers for; none where its names don't tell. */
  readonly available: readonly Scale[];
}

/**
 * Checkpoints of several scales have some layers once for each: those of one, by the names of a convention.
 * @param wanted the least that there is, where it isn't there
 */
export function selectScale(state: StateDict, { perScale }: Convention, wanted: number | undefined): OneScale {
  if (!perScale) return { state, available: [] };
  const numbers = new Map<Scale, number>();
  for (const [number, layers] of numbered(state, perScale)) {
    const scale = perScale.scaleOf(number, shapesOf(layers));
    if (scale !== undefined) numbers.set(scale, number);
  }
  const available = [...numbers.keys()].sort();
  const scale = available.find((each) => each === wanted) ?? available[0];
  if (scale === undefined) return { state, available };
  const selected: StateDict = new Map();
  for (const [name, tensor] of state) {
    const found = split(name, perScale);
    if (!found) selected.set(name, tensor);
    else if (found.number === numbers.get(scale)) selected.set(found.before + perScale.chosen + found.rest, tensor);
  }
  return { state: selected, available };
}

/** The layers of each number. */
function numbered(state: StateDict, perScale: PerScale): Map<number, StateDict> {
  const parts = new Map<number, StateDict>();
  for (const [name, tensor] of state) {
    const found = split(name, perScale);
    if (!found) continue;
    const part = parts.get(found.number) ?? new Map();
    parts.set(found.number, part.set(name, tensor));
  }
  return parts;
}

function split(
  name: string,
  { before: starts }: PerScale,
): { before: string; number: number; rest: string } | undefined {
  const before = starts.find((each) => name.startsWith(each));
  const [, number, rest] = (before !== undefined && /^(\d)(\..*)$/.exec(name.slice(before.length))) || [];
  return before === undefined || number === undefined || rest === undefined
    ? undefined
    : { before, number: Number(number), rest };
}
