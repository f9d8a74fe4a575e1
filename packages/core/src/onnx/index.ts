export { type OnnxModel, type ReadOptions, readOnnx } from "./reader.js";
export { constantSize, type SplitModel, type WriteOptions, writeOnnx, writeSplitOnnx } from "./writer.js";
