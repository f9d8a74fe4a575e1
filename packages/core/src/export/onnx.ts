import type { Graph } from "../graph/index.js";
import { widenConvolutions } from "../lowering/webgpu.js";
import { descriptorMetadata, imageNames } from "../model/descriptor.js";
import { instantiate, type Model } from "../model/model.js";
import { writeOnnx } from "../onnx/index.js";
import { foldConstants } from "./fold.js";

/** Height and width of the image that the graph is built for; the file leaves them open. */
const EXAMPLE = 32;

/** The network with constant parameters, for an image of the example's size. */
export const exampleOf = (model: Model): Graph =>
  instantiate(model, [1, model.descriptor.channels.input, EXAMPLE, EXAMPLE], imageNames(model.descriptor));

/**
 * A network as an ONNX model (opset 17) that can be deployed as it is: input `lr` [batch, C, height, width] and output `sr`, or
 * the names of the file that it was read from, of any size, in the descriptor's range; constant factors and the mean colour are folded into convolutions, and what WebGPU kernels
 * get wrong is written so that they don't. Its metadata say what it is.
 */
export function exportModel(model: Model, example: Graph = exampleOf(model)): Uint8Array<ArrayBuffer> {
  const { input, output } = imageNames(model.descriptor);
  return writeOnnx(widenConvolutions(foldConstants(example)), {
    metadata: descriptorMetadata(model.descriptor),
    dynamicAxes: {
      [input]: { 0: "batch", 2: "height", 3: "width" },
      [output]: { 0: "batch", 2: "output_height", 3: "output_width" },
    },
  });
}
