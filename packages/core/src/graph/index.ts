export { readOnnx } from "../onnx/reader.js";
export { constantSize, writeOnnx, writeSplitOnnx } from "../onnx/writer.js";
export * from "./attributes.js";
export * from "./graph.js";
export * from "./operators/index.js";
export * from "./types.js";
