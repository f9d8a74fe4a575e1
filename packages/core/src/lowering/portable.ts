import { type Graph, type Replacement, rewrite } from "../graph/index.js";

/** Writes our own operators as ONNX's, for any device. */
export const lowerOwnOperators = (graph: Graph): Graph => rewrite(graph, () => portableReplacement);

/** What stands for each of our own operators; other nodes are left alone. */
export const portableReplacement: Replacement = (node, inputs) => node.operator.decompose?.(node, inputs);
