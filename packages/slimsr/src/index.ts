/** Makes super-resolution networks small and fast, and measures what that costs. */
export { exportModel, type Model, readModel, SlimsrError, writeModel } from "@slimsr/core";
export { type Dataset, openDataset } from "./datasets/dataset.js";
export { type Contender, contender, onnxContender } from "./evaluation/contender.js";
export { type EvaluateOptions, type EvaluationRow, evaluate } from "./evaluation/evaluate.js";
export { renderEvaluation } from "./evaluation/evaluation-table.js";
export { loadModel, saveModel } from "./files/models.js";
export {
  type CompletedRun,
  type Compression,
  type CompressionHooks,
  compress,
  type RunRequest,
  train,
} from "./runs/compress.js";
export type { PartialSettings, Settings } from "./runs/settings.js";
export { type Slimmed, type SlimOptions, type SlimStudent, slim } from "./slimming/slim.js";
export type { Stage } from "./stage.js";
