import type { Graph } from "../graph/index.js";
import { widenConvolutions } from "../lowering/webgpu/index.js";
import { type Descriptor, descriptorMetadata, imageNames, sizeFrom } from "../model/descriptor.js";
import { instantiate, type Model } from "../model/model.js";
import { writeOnnx } from "../onnx/index.js";
import { putBeforeShuffles } from "./before-shuffles.js";
import { foldConstants } from "./fold.js";
import { withStandardRounding } from "./roundings.js";

/** Height and width of the image that the graph is built for, at least; the file leaves them open. */
export const EXAMPLE = 32;

/** The network with constant parameters, for an image of the example's size, or one that it takes, of operators that engines have. */
export function exampleOf(model: Model): Graph {
  const { channels, size } = model.descriptor;
  const { height, width } = sizeFrom(size, EXAMPLE);
  return withStandardRounding(instantiate(model, [1, channels.input, height, width], imageNames(model.descriptor)));
}

/**
 * A network as an ONNX model (opset 17) that can be deployed as it is: input `lr` [batch, C, height, width] and output `sr`, or
 * the names of the file that it was read from, of any size that it takes, in the descriptor's range; constant factors and the mean colour are folded into convolutions, and what WebGPU kernels
 * get wrong is written so that they don't. Its metadata say what it is.
 */
export const exportModel = (model: Model, example: Graph = exampleOf(model)): Uint8Array<ArrayBuffer> =>
  writeGraph(forEngines(example), model.descriptor);

/** The same network for engines. */
export const forEngines = (example: Graph): Graph => arranged(foldConstants(example));

/** A network whose constants are folded in, as engines compute it fast and right. */
export const arranged = (folded: Graph): Graph => widenConvolutions(putBeforeShuffles(folded));

/** A network's graph as an ONNX model. @param isFixed whether it takes one image of the graph's size at a time */
export function writeGraph(graph: Graph, descriptor: Descriptor, isFixed = false): Uint8Array<ArrayBuffer> {
  const { input, output } = imageNames(descriptor);
  const sides = (prefix: string) => (descriptor.size.fixed ? {} : { 2: `${prefix}height`, 3: `${prefix}width` });
  return writeOnnx(graph, {
    metadata: descriptorMetadata(descriptor),
    dynamicAxes: isFixed
      ? {}
      : { [input]: { 0: "batch", ...sides("") }, [output]: { 0: "batch", ...sides("output_") } },
  });
}
