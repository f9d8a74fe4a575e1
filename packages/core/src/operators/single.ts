import type { Attributes } from "../graph/attributes.js";
import type { ApplyOptions, Value } from "../graph/graph.js";

/** Applies an operator and returns its first output. */
export function single(
  operator: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes = {},
  options: ApplyOptions = {},
): Value {
  const graph = inputs.find((value) => value !== undefined)?.graph;
  if (!graph) throw new TypeError(`${operator} without inputs`);
  return graph.apply(operator, inputs, attributes, options)[0] as Value;
}
