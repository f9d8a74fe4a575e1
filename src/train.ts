/** The library on Node's side: networks, checkpoints, data, training steps, slimming, evaluation and export. */
export { calibrationPatches, EMBEDDED_IMAGES } from "./calibration/patches.js";
export {
  EMBEDDED_VGG19,
  type LoadedCheckpoint,
  loadCheckpoint,
  loadVgg19,
  saveCheckpoint,
} from "./checkpoints/files.js";
export { type Dataset, openDataset } from "./datasets/dataset.js";
export { PatchSampler } from "./datasets/patch-sampler.js";
export { differentiate } from "./differentiate/index.js";
export * from "./errors.js";
export { evaluate } from "./evaluation/evaluate.js";
export { evaluatedModel } from "./evaluation/model.js";
export { exportOnnx } from "./export/onnx.js";
export { niqe } from "./metrics/niqe.js";
export { psnr } from "./metrics/psnr.js";
export { ssim } from "./metrics/ssim.js";
export * from "./networks/index.js";
export { contrastiveLoss } from "./objectives/contrastive.js";
export { csdLoss } from "./objectives/csd.js";
export { l1 } from "./objectives/reconstruction.js";
export { ADAM_DEFAULTS, adam } from "./optimisers/adam.js";
export * from "./runtime/index.js";
export { allocate, type Budget } from "./slimming/budget.js";
export { analyseChannels } from "./slimming/channels.js";
export { importedModel, networkModel } from "./slimming/model.js";
export { alignTeacher, slimTeacher } from "./slimming/slim.js";
export { countsAtWidth, materialise, type SplitMode, splitChannels } from "./slimming/split.js";
export { compile } from "./training/compile.js";
export { packParameters, unpackParameters } from "./training/flat.js";
export { type ContrastiveStep, type StepOptions, trainingHalves, trainingStep } from "./training/step.js";
