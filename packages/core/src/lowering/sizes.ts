import { type Graph, isKnown, rewrite, type TensorData, type Value } from "../graph/index.js";

/** The graph for images of its sizes alone: what sizes and constants tell are constants. */
export const settleSizes = (graph: Graph): Graph =>
  rewrite(graph, (target) => (node) => {
    if (!node.outputs.every(isKnown)) return undefined;
    return node.outputs.map(({ known, shape, dtype }: Value) => target.constant(known as TensorData, shape, { dtype }));
  });
