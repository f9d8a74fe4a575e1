import { elements, type Operator, type Replacement, type Value } from "../../graph/index.js";
import {
  matMul,
  pad,
  ReduceL1,
  ReduceSum,
  ReduceSumSquare,
  reducedAxesOf,
  reduceL1,
  reduceSum,
  reduceSumSquare,
  reshape,
} from "../../operators/index.js";

type Reduction = typeof reduceSum;

/** Reductions of which those of parts add up. */
const ADDITIVE: ReadonlyMap<Operator, Reduction> = new Map([
  [ReduceSum, reduceSum],
  [ReduceL1, reduceL1],
  [ReduceSumSquare, reduceSumSquare],
]);

/** Elements that a group of threads adds up. */
const STRETCH = 1024;

/**
 * A group of threads makes each output, so few outputs of many elements leave a GPU idle: here many groups make parts, which are
 * then added up. Over all elements the parts are stretches, over samples and positions they are samples.
 */
export const reduceInTwoSteps: Replacement = (node, inputs) => {
  const x = inputs[0] as Value;
  const axes = reducedAxesOf(node);
  const reduce = ADDITIVE.get(node.operator) as Reduction;
  const { shape } = node.outputs[0] as Value;
  const count = elements(x.shape) / elements(shape);
  if (count <= STRETCH || x.dtype !== "float32") return undefined;
  if (elements(shape) === 1) {
    const stretches = reshape(toWhole(reshape(x, [count])), [Math.ceil(count / STRETCH), STRETCH]);
    return [reshape(reduceSum(reduce(stretches, { axes: [1] })), shape)];
  }
  if (x.shape.length !== 4 || axes.join() !== "0,2,3") return undefined;
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  const parts = reduce(reshape(x, [batch, channels, height * width]), { axes: [2] });
  // A kernel that adds up over another axis than the last copies its input first.
  const ones = x.graph.constant(new Float32Array(batch).fill(1), [1, batch]);
  return [reshape(matMul(ones, parts), shape)];
};

/** Zeros behind a vector, which add nothing, up to whole stretches. */
function toWhole(vector: Value): Value {
  const rest = elements(vector.shape) % STRETCH;
  return rest === 0 ? vector : pad(vector, [0, STRETCH - rest]);
}
