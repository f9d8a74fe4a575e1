import type { Node } from "./graph.js";

/** What index i along an axis of a value depends on: input pixels step · i + low … step · i + high. */
export interface Span {
  readonly step: number;
  readonly low: number;
  readonly high: number;
}

/** Rows and columns. */
export type Spans = readonly [Span, Span];

/** `all`: on every pixel, or in a way that isn't known. */
export type Sight = Spans | "all";

/** What a node's output depends on, from what its inputs do: undefined for constants; not all of them are. */
export type ReachRule = (node: Node, inputs: readonly (Spans | undefined)[]) => Sight;

export const alongBoth = (spans: Spans, change: (span: Span, axis: 0 | 1) => Span): Spans => [
  change(spans[0], 0),
  change(spans[1], 1),
];

/** A rule for what takes pixels from its first input alone. */
export const ofFirst =
  (rule: (node: Node, spans: Spans) => Sight): ReachRule =>
  (node, [first, ...rest]) =>
    first && rest.every((spans) => spans === undefined) ? rule(node, first) : "all";

/** What any of the inputs depends on, if all are of one scale. */
export function union(inputs: readonly (Spans | undefined)[]): Sight {
  const list = inputs.filter((spans) => spans !== undefined);
  const [first] = list;
  if (!first || list.some((spans) => spans.some(({ step }, axis) => step !== first[axis as 0 | 1].step))) return "all";
  return alongBoth(first, ({ step }, axis) => ({
    step,
    low: Math.min(...list.map((spans) => spans[axis].low)),
    high: Math.max(...list.map((spans) => spans[axis].high)),
  }));
}
