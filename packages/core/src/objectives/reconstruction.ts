import { elements, type Graph, type Value } from "../graph/index.js";
import { mul, reduceL1, sub } from "../operators/index.js";

/** Mean absolute difference of two tensors, a scalar. b may broadcast to a, and `weights`, of mean 1, to their difference. */
export const l1 = (a: Value, b: Value, weights?: Value): Value => {
  const difference = sub(a, b);
  return mul(reduceL1(weights ? mul(difference, weights) : difference), 1 / elements(difference.shape));
};

/** Weights [1, 1, H, W] of mean 1 for images whose outermost pixels, `ring` at each side, weigh `share` of what the others weigh. */
export function borderWeights(
  graph: Graph,
  [height, width]: readonly [number, number],
  ring: number,
  share: number,
): Value {
  const isInner = (at: number, size: number) => at >= ring && at < size - ring;
  const weights = new Float32Array(height * width);
  for (let at = 0; at < weights.length; at++) {
    weights[at] = isInner(at % width, width) && isInner(Math.floor(at / width), height) ? 1 : share;
  }
  const mean = weights.reduce((sum, weight) => sum + weight, 0) / weights.length;
  return graph.constant(
    weights.map((weight) => weight / mean),
    [1, 1, height, width],
  );
}
