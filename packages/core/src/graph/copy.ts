import { GraphError } from "../errors.js";
import { Graph, type Node, type Value } from "./graph.js";
import { liveNodes, nodesBetween } from "./traverse.js";

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

/** What a node becomes: its outputs in the new graph; undefined to carry it over as it is, or nothing where nothing reads it any more. */
export type LazyReplacement = (node: Node) => readonly Value[] | undefined;

/**
 * As `rewrite`, where replacements choose what they read: `imageOf` yields the copy of a value, and constants that nothing asks for
 * are left out.
 */
export function rewriteLazily(
  source: Graph,
  begin: (target: Graph, imageOf: (value: Value) => Value) => LazyReplacement,
): Graph {
  const target = new Graph(source.name, [...source.outputs.keys(), ...source.constants.map(({ name }) => name)]);
  const images = new Map(source.inputs.map((value) => [value, target.input(value.name, value.shape, value.dtype)]));
  const imageOf = (value: Value): Value => {
    const known = images.get(value);
    if (known) return known;
    const { data, shape, dtype, name } = value;
    if (!data) throw new GraphError(`${name} of graph ${source.name} is asked for, but was left out`);
    const made = target.constant(data, shape, { dtype, name: target.unusedName(name) });
    images.set(value, made);
    return made;
  };
  const replacement = begin(target, imageOf);
  for (const node of liveNodes(source)) {
    const outputs =
      replacement(node) ??
      applyLike(
        node,
        target,
        node.inputs.map((value) => value && imageOf(value)),
      );
    outputs.forEach((value, i) => {
      images.set(node.outputs[i] as Value, value);
    });
  }
  for (const [name, value] of source.outputs) target.output(name, imageOf(value));
  return target;
}
