import type { Graph, Node, Value } from "./graph.js";

/** The nodes that some output needs, in the graph's order. */
export const liveNodes = (graph: Graph): Node[] => nodesBetween(graph, () => false, [...graph.outputs.values()]);

/** The nodes that `wanted` depend on and that aren't `given`, in the graph's order. */
export function nodesBetween(graph: Graph, given: (value: Value) => boolean, wanted: readonly Value[]): Node[] {
  const needed = new Set<Node>();
  const pending = [...wanted];
  for (let value = pending.pop(); value; value = pending.pop()) {
    if (given(value) || !value.producer || needed.has(value.producer)) continue;
    needed.add(value.producer);
    for (const input of value.producer.inputs) if (input) pending.push(input);
  }
  return graph.nodes.filter((node) => needed.has(node));
}

/** The nodes that read each value, each once, in their order. */
export function consumersOf(nodes: readonly Node[]): ReadonlyMap<Value, readonly Node[]> {
  const consumers = new Map<Value, Node[]>();
  for (const node of nodes) {
    for (const value of new Set(node.inputs)) {
      if (!value) continue;
      const known = consumers.get(value);
      if (known) known.push(node);
      else consumers.set(value, [node]);
    }
  }
  return consumers;
}
