import type { Attributes } from "../graph/attributes.js";
import type { Graph, Value } from "../graph/graph.js";
import type { ReadTensor } from "./tensors.js";

/** A node of a file whose inputs have been read. */
export interface FileNode {
  readonly operator: string;
  /** ONNX's own domain is "". */
  readonly domain: string;
  readonly inputs: readonly (Value | undefined)[];
  readonly attributes: Attributes;
  /** Attributes that are tensors. */
  readonly tensors: Readonly<Record<string, ReadTensor>>;
  /** How many outputs the file gives names to. */
  readonly outputs: number;
}

/** A node of an opset as one of ours; nodes that are needed before it are added to the graph. */
export type Upgrade = (node: FileNode, opset: number, graph: Graph) => FileNode;
