/**
 * The mathematics of SlimSR, for any JavaScript: networks from bytes and back, what they are, images and how they are measured;
 * docs/library.md has an example of each name.
 */
export type { Overrides } from "./checkpoints/overrides.js";
export { SlimsrError } from "./errors.js";
export { type Deployment, deploy } from "./export/deployment.js";
export { exportModel } from "./export/onnx.js";
export { readModel, writeModel } from "./formats/model-file.js";
export { resizeBicubic } from "./images/bicubic.js";
export { type Image, imageOf } from "./images/image.js";
export { imageFromPlanes, rgbPlanes } from "./images/planes.js";
export { niqe } from "./metrics/niqe.js";
export { psnr } from "./metrics/psnr.js";
export { ssim } from "./metrics/ssim.js";
export { type Cost, modelCost } from "./model/cost.js";
export type { Descriptor } from "./model/descriptor.js";
export type { Model } from "./model/model.js";
export { narrowed } from "./model/split.js";
export type { NetworkOptions, Parameters } from "./networks/index.js";
