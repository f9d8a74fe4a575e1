import { NetworkError } from "../errors.js";
import { leastSide, merged, sizesOf } from "../export/deployable.js";
import { repeatWithin } from "../export/merge/border.js";
import { exampleOf } from "../export/onnx.js";
import { applyLike, type Graph, liveNodes, rewriteLazily, type Value } from "../graph/index.js";
import type { Descriptor } from "../model/descriptor.js";
import { importedModel } from "../model/imported.js";
import { type Model, nameOf } from "../model/model.js";
import { Conv, FakeQuantise, QuantizeLinear } from "../operators/index.js";
import { composeLinearPart } from "./composed-linear-part.js";
import { convolveImageItself } from "./image-levels.js";
import { splitLinearPart } from "./linear-part.js";

/** A network as it is best quantised. */
export interface Quantisable {
  /** Its linear stretches merged, and its linear part apart; of as many channels as it really has. */
  readonly model: Model;
  /** Of the network that it was made of, for images as it takes them now. */
  readonly descriptor: Descriptor;
  /** Pixels at each side of its output that repeat the next ones within; see `Deployable`. */
  readonly border: number;
}

/** Whether a network computes with integers, or is trained to. */
export const isQuantised = ({ graph }: Model): boolean =>
  graph.nodes.some(({ operator }) => [QuantizeLinear, FakeQuantise].includes(operator));

/**
 * Refuses a network of integers: read from its file its weights are numbers again, and written anew it would be one in float.
 * @throws NetworkError
 */
export function requireFloat(model: Model): void {
  if (!isQuantised(model)) return;
  throw new NetworkError(`${nameOf(model)} is quantised already; give the network that it was made of`);
}

/**
 * @param inLevels whether its images are in whole levels, as those of 8 bits
 * @param isApart whether the linear part is; where the tail stays in float, it may be left where it is
 * @throws NetworkError for a network that is quantised already
 */
export function quantisable(model: Model, inLevels = false, isApart = true): Quantisable {
  requireFloat(model);
  const { scale, size, range } = model.descriptor;
  const { graph: whole, border } = merged(exampleOf(model), scale);
  const biased = withBiases(repeatWithin(whole, border));
  const { graph, least } = isApart ? composeLinearPart(splitLinearPart(biased)) : { graph: biased, least: 1 };
  const sizes = sizesOf(size, undefined, Math.max(least, leastSide(border, scale)));
  const descriptor = { ...model.descriptor, size: sizes };
  const prepared = importedModel(inLevels ? convolveImageItself(graph, range) : graph, {
    name: nameOf(model),
    ...{ range, size: sizes },
  });
  return { model: prepared, descriptor, border };
}

/** Each convolution by constants with a bias: what is lost by rounding has a mean, which it takes. */
function withBiases(source: Graph): Graph {
  const lacking = new Set(
    liveNodes(source).filter(({ operator, inputs }) => operator === Conv && inputs[1]?.data && !inputs[2]),
  );
  if (lacking.size === 0) return source;
  return rewriteLazily(source, (target, imageOf) => (node) => {
    if (!lacking.has(node)) return undefined;
    const [x, weight] = node.inputs as [Value, Value];
    const filters = weight.shape[0] as number;
    const bias = target.constant(new Float32Array(filters), [filters]);
    return applyLike(node, target, [imageOf(x), imageOf(weight), bias]);
  });
}
