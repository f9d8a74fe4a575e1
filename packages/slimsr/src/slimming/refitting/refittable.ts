import { type Graph, intOr, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { Conv } from "@slimsr/core/internal/operators/index.js";

/** Convolutions with weights of their own; others stay as they were sliced. */
export function isRefittable({ graph, places }: Model, { operator, inputs }: Node): boolean {
  const [, ...own] = inputs;
  return (
    operator === Conv &&
    own.every((value) => !value || (places.get(value.name) === value && readersOf(graph, value) === 1))
  );
}

const readersOf = ({ nodes }: Graph, value: Value): number =>
  nodes.filter(({ inputs }) => inputs.includes(value)).length;

/** Groups of a student's convolution: a depthwise one loses some, others keep all. */
export function groupsOf({ inputs, attributes }: Node, filters: number): number {
  const groups = intOr(attributes, "group", 1);
  const [whole = 0, perGroup = 0] = inputs[1]?.shape ?? [];
  return groups > 1 && perGroup === 1 ? (filters * groups) / whole : groups;
}
