import { GraphError } from "../errors.js";
import { Graph, type Node, type Value } from "./graph.js";
import { nodesBetween } from "./traverse.js";

/** What a node becomes: its outputs in the new graph, or undefined to carry it over as it is. */
export type Replacement = (node: Node, inputs: readonly (Value | undefined)[]) => readonly Value[] | undefined;

export interface GraftOptions {
  readonly replacement?: Replacement;
  /** The copy of an input or a constant of the source, asked for where it is first needed; undefined leaves it to the constants. */
  readonly given?: (value: Value) => Value | undefined;
}

/**
 * Copies into `target` the nodes that `wanted` depend on, back to the values that `known` already maps, and yields the copies of
 * `wanted`; `known` then maps all that was copied. Sizes are inferred anew: they may be others than in the source.
 * @throws GraphError where a value that is needed is neither known nor a constant
 */
export function graft(
  source: Graph,
  target: Graph,
  known: Map<Value, Value>,
  wanted: readonly Value[],
  { replacement = () => undefined, given = () => undefined }: GraftOptions = {},
): Value[] {
  const constant = ({ data, shape, dtype }: Value) => data && target.constant(data, shape, { dtype });
  const copy = (value: Value): Value => {
    const copied = known.get(value) ?? given(value) ?? constant(value);
    if (!copied) throw new GraphError(`${value.name} of graph ${source.name} is not given`);
    known.set(value, copied);
    return copied;
  };
  for (const node of nodesBetween(source, (value) => known.has(value), wanted)) {
    const inputs = node.inputs.map((value) => value && copy(value));
    const outputs = replacement(node, inputs) ?? applyLike(node, target, inputs);
    node.outputs.forEach((value, i) => {
      const output = outputs[i];
      if (output) known.set(value, output);
    });
  }
  return wanted.map(copy);
}

/** Applies a node's operator to other inputs, in the graph `target`. */
export function applyLike(node: Node, target: Graph, inputs: readonly (Value | undefined)[]): readonly Value[] {
  return target.apply(node.operator, inputs, node.operator.resizedAttributes?.(node, inputs) ?? node.attributes);
}

/** A copy of a whole graph, its constants under their names; `begin` gets the new graph and yields the replacement of its nodes. */
export function rewrite(source: Graph, begin: (target: Graph) => Replacement): Graph {
  const target = new Graph(source.name, [...source.outputs.keys(), ...source.constants.map(({ name }) => name)]);
  const replacement = begin(target);
  const known = new Map(source.inputs.map((value) => [value, target.input(value.name, value.shape, value.dtype)]));
  const given = ({ data, shape, dtype, name }: Value) => data && target.constant(data, shape, { dtype, name });
  const outputs = graft(source, target, known, [...source.outputs.values()], { replacement, given });
  [...source.outputs.keys()].forEach((name, i) => {
    target.output(name, outputs[i] as Value);
  });
  return target;
}
