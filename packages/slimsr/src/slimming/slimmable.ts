import { GraphError, NetworkError, UsageError } from "@slimsr/core/internal/errors.js";
import { sameShape } from "@slimsr/core/internal/graph/index.js";
import { requireImageNetwork } from "@slimsr/core/internal/model/image-network.js";
import { channelAnalysis, type Model, nameOf } from "@slimsr/core/internal/model/model.js";
import { requireFloat } from "@slimsr/core/internal/quantisation/quantisable.js";
import { momentGraph } from "../calibration/moments.js";
import { tapsOf } from "./alignment/taps.js";

/** Images of this many pixels along a side try the network out. */
const SIDE = 32;

/**
 * Before any image is read.
 * @throws UsageError for a slimmed network; NetworkError where it has nothing to drop, isn't one of float32 images, or can't be differentiated
 */
export function requireSlimmable(model: Model): void {
  const name = nameOf(model);
  requireFullWidth(model, name);
  if (model.image.dtype !== "float32") {
    throw new NetworkError(`${name} takes ${model.image.dtype} images; export the model in float32`);
  }
  requireFloat(model);
  try {
    const taps = tapsOf(model);
    if (taps.length === 0) {
      const [pin, ...others] = channelAnalysis(model).pins;
      const more = others.length > 0 ? `, and ${others.length} more` : "";
      const cause = pin ? `: ${pin.reason}${more}` : "; choose a model with convolutions";
      throw new NetworkError(`${name} has no channels that could be dropped${cause}`);
    }
    requireImageNetwork(model);
    const read = new Set(taps.flat().map(({ value }) => value));
    momentGraph(model, [...read], [1, model.descriptor.channels.input, SIDE, SIDE]);
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    const message = `${name} can't be slimmed: ${error.message}; export it with constants folded and without this operator`;
    throw new NetworkError(message, { cause: error });
  }
}

/**
 * @param name what errors call the network
 * @throws UsageError where layers are narrower than its options say
 */
export function requireFullWidth({ places, parameters }: Model, name: string): void {
  for (const [layer, { shape }] of places) {
    if (sameShape(parameters.get(layer)?.shape ?? [], shape)) continue;
    throw new UsageError(
      `${name} is a slimmed network already (${layer} is narrower than its options say): name the full one, or the student's .onnx file`,
    );
  }
}
