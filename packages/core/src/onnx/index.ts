export type { External } from "./external.js";
export { inlineExternal } from "./inline-external.js";
export { type OnnxFile, type OnnxModel, openOnnx, type ReadOptions, readOnnx } from "./reader.js";
export { constantSize, type SplitModel, type WriteOptions, writeOnnx, writeSplitOnnx } from "./writer.js";
