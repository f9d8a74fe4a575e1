import { widenConvolutions } from "../lowering/webgpu.js";
import { instantiate, type Model } from "../model/model.js";
import type { Parameters } from "../networks/index.js";
import { writeOnnx } from "../onnx/index.js";
import { foldConstants } from "./fold.js";

/** Sizes of the image that the graph is built for; the file leaves them open. */
const EXAMPLE = [1, 3, 16, 16];

/**
 * A network as an ONNX model (opset 17) that can be deployed as it is: input `lr` [batch, 3, height, width] and output `sr`,
 * RGB in 0..255, of any size; constant factors and the mean colour are folded into convolutions, and what WebGPU kernels get
 * wrong is written so that they don't.
 */
export function exportOnnx(
  model: Model,
  parameters: Parameters,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  return writeOnnx(widenConvolutions(foldConstants(instantiate(model, parameters, EXAMPLE))), {
    metadata,
    dynamicAxes: {
      lr: { 0: "batch", 2: "height", 3: "width" },
      sr: { 0: "batch", 2: "output_height", 3: "output_width" },
    },
  });
}
