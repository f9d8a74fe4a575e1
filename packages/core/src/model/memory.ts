import { DATA_TYPES, elements, type Graph, liveNodes, type Value } from "../graph/index.js";

/** Bytes of activations that are alive at once, at most, when the nodes run in the graph's order. */
export function activationBytes(graph: Graph): number {
  const nodes = liveNodes(graph);
  const lastUse = new Map<Value, number>();
  nodes.forEach((node, i) => {
    for (const value of [...node.inputs, ...node.outputs]) if (value) lastUse.set(value, i);
  });
  for (const value of graph.outputs.values()) lastUse.set(value, nodes.length);
  const alive = new Set(graph.inputs);
  let bytes = sum(alive);
  let peak = bytes;
  nodes.forEach((node, i) => {
    for (const value of node.outputs) {
      alive.add(value);
      bytes += bytesOf(value);
    }
    peak = Math.max(peak, bytes);
    for (const value of [...node.inputs, ...node.outputs]) {
      if (value && alive.has(value) && lastUse.get(value) === i) {
        alive.delete(value);
        bytes -= bytesOf(value);
      }
    }
  });
  return peak;
}

const bytesOf = ({ shape, dtype }: Value): number => elements(shape) * DATA_TYPES[dtype].bytes;

function sum(values: Iterable<Value>): number {
  let bytes = 0;
  for (const value of values) bytes += bytesOf(value);
  return bytes;
}
