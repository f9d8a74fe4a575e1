import { elements, type Value } from "../graph/index.js";
import { mul, reduceL1, sub } from "../operators/index.js";

/** Mean absolute difference of two tensors, a scalar. b may broadcast to a. */
export const l1 = (a: Value, b: Value): Value => {
  const difference = sub(a, b);
  return mul(reduceL1(difference), 1 / elements(difference.shape));
};
