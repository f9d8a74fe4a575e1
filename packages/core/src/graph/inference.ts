import { knownContents } from "./contents.js";
import type { Node, Value } from "./graph.js";
import { inferOutputs } from "./operands.js";

/**
 * What the outputs of nodes would be if some values had other shapes: `standIns` maps these, and gets the others. Nothing is built.
 * @param nodes in a graph's order
 * @throws GraphError where shapes don't fit
 */
export function inferAgain(nodes: readonly Node[], standIns: Map<Value, Value>): void {
  for (const node of nodes) {
    const { operator } = node;
    const inputs = node.inputs.map((value) => value && (standIns.get(value) ?? value));
    const attributes = operator.resizedAttributes?.(node, inputs) ?? node.attributes;
    const types = inferOutputs(operator, inputs, attributes);
    const contents = knownContents(operator, inputs, attributes, types);
    node.outputs.forEach((value, i) => {
      const type = types[i];
      const known = contents[i];
      const { graph, name } = value;
      if (type) standIns.set(value, { graph, name, ...type, producer: node, ...(known && { known }) });
    });
  }
}
