import { type Graph, intOr, liveNodes, type Node, type Value } from "../graph/index.js";
import { Conv } from "../operators/index.js";

/** Convolutions that make features of features: behind one and before one, and of all channels at once. */
export function hiddenConvolutions(graph: Graph): Node[] {
  const nodes = liveNodes(graph);
  const behind = new Set<Value>();
  const before = new Set<Value>();
  const isLayer = ({ operator }: Node) => operator === Conv;
  const candidates = nodes.filter((node) => {
    const isBehind = node.inputs.some((value) => value && behind.has(value));
    if (isBehind || isLayer(node)) for (const output of node.outputs) behind.add(output);
    return isBehind && isLayer(node);
  });
  for (const node of [...nodes].reverse()) {
    if (!isLayer(node) && !node.outputs.some((value) => before.has(value))) continue;
    for (const value of node.inputs) if (value) before.add(value);
  }
  return candidates.filter((node) => before.has(node.outputs[0] as Value) && intOr(node.attributes, "group", 1) === 1);
}
