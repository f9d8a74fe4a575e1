import { Graph, liveNodes, type Node, type Value } from "../graph/index.js";

/** What a node becomes: its outputs in the new graph, or undefined to carry it over as it is. */
export type Replacement = (node: Node, inputs: readonly (Value | undefined)[]) => readonly Value[] | undefined;

/** Copies a graph node by node; `begin` gets the new graph and yields the replacement of its nodes. */
export function rewrite(source: Graph, begin: (target: Graph) => Replacement): Graph {
  const target = new Graph(source.name);
  const replacement = begin(target);
  const images = new Map<Value, Value>();
  for (const { name, shape, dtype } of source.inputs) target.input(name, shape, dtype);
  source.inputs.forEach((value, i) => {
    images.set(value, target.inputs[i] as Value);
  });
  const image = (value: Value): Value => {
    const known = images.get(value);
    if (known) return known;
    if (!value.data) throw new TypeError(`${value.name} is used before it is made`);
    const copy = target.constant(value.data, value.shape, { dtype: value.dtype });
    images.set(value, copy);
    return copy;
  };
  for (const node of liveNodes(source)) {
    const inputs = node.inputs.map((value) => value && image(value));
    const outputs =
      replacement(node, inputs) ?? target.apply(node.operator, inputs, node.attributes, { domain: node.domain });
    node.outputs.forEach((value, i) => {
      const output = outputs[i];
      if (output) images.set(value, output);
    });
  }
  for (const [name, value] of source.outputs) target.output(name, image(value));
  return target;
}
