/** Makes super-resolution networks small and fast, and measures what that costs; docs/library.md has an example of each name. */
export { type Model, SlimsrError } from "@slimsr/core";
export { exportModel } from "@slimsr/core/internal/export/onnx.js";
export { type Dataset, openDataset } from "./datasets/dataset.js";
export { type Contender, contender, onnxContender } from "./evaluation/contender.js";
export { type EvaluateOptions, type EvaluationRow, evaluate } from "./evaluation/evaluate.js";
export { evaluationJson, renderEvaluation } from "./evaluation/evaluation-table.js";
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
