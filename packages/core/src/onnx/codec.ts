/** The ONNX codec by itself, `@slimsr/core/onnx`: a bundle of it holds neither operators nor shape inference. */
import { OnnxError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { readModelMessage } from "./message-reader.js";
import type { ModelMessage } from "./messages.js";
import { type WriteOptions, writeOnnx } from "./writer.js";

export { Graph } from "../graph/graph.js";
export type {
  AttributeMessage,
  GraphMessage,
  ModelMessage,
  NodeMessage,
  TensorMessage,
  ValueMessage,
} from "./messages.js";
export type { WriteOptions } from "./writer.js";

/**
 * Decodes an ONNX file into its messages as they stand in it, of any opset and with any operators; fields that this project
 * makes nothing of are left out.
 * @throws OnnxError where the bytes are damaged
 * @example
 * const { graph, opsets } = decodeOnnx(await readFile("model.onnx"));
 * console.log(opsets, graph?.nodes.map(({ operator }) => operator));
 */
export function decodeOnnx(bytes: Uint8Array): ModelMessage {
  try {
    return readModelMessage(bytes);
  } catch (error) {
    if (error instanceof OnnxError || !(error instanceof Error)) throw error;
    throw new OnnxError(`damaged or not an ONNX model: ${error.message}`, { cause: error });
  }
}

/**
 * Encodes a graph as an ONNX file (opset 17, IR version 8).
 * @example
 * const graph = new Graph("identity");
 * graph.output("y", graph.input("x", [1, 3]));
 * await writeFile("identity.onnx", encodeOnnx(graph, { dynamicAxes: { x: { 0: "batch" }, y: { 0: "batch" } } }));
 */
export function encodeOnnx(graph: Graph, options: WriteOptions = {}): Uint8Array<ArrayBuffer> {
  return writeOnnx(graph, options);
}
