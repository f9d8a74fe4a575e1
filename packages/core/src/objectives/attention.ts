import { elements, type Value } from "../graph/index.js";
import { add, div, mul, reduceMean, reduceSum, reduceSumSquare, reshape, sqrt, sub } from "../operators/index.js";

/** Of features of zeros the map stays one of zeros. */
const EPSILON = 1e-12;

/**
 * Structured knowledge transfer (PAMS, section 3.3): the mean squared difference of two spatial attention maps, which are the means over channels of
 * squared features [N, C, H, W], each sample's of length 1. Channels may differ. The second gets no gradient of its own here; detach it where it is trained.
 */
export function attentionLoss(student: Value, teacher: Value): Value {
  const difference = sub(attentionMap(student), attentionMap(teacher));
  return mul(reduceSumSquare(difference), 1 / elements(difference.shape));
}

/** [N, H · W] */
function attentionMap(features: Value): Value {
  const [batch, , height, width] = features.shape as [number, number, number, number];
  const map = reshape(reduceMean(mul(features, features), { axes: [1] }), [batch, height * width]);
  const length = sqrt(reduceSum(mul(map, map), { axes: [1], keep: true }));
  return div(map, add(reshape(length, [batch, 1]), EPSILON));
}
