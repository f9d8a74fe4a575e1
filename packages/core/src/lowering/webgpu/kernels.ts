import { elements, floatOr, intOr, type Replacement, type Value } from "../../graph/index.js";
import { geometryOf } from "../../operators/geometry.js";
import { add, Cast, Conv, greater, less, matMul, mul, pad, transpose, where } from "../../operators/index.js";

/**
 * A convolution over a multiple of 3 channels (above 3) that isn't one of 4, with a multiple of 4 filters and a kernel
 * above 1×1, comes out wrong (microsoft/onnxruntime, issue 29651). Channels of zeros up to a multiple of 4 mend it.
 */
export const widenConvolution: Replacement = (node, inputs) => {
  const [x, weight, bias] = inputs as [Value, Value, Value | undefined];
  const [filters, channels, ...kernel] = weight.shape as [number, number, ...number[]];
  const wrong = channels > 3 && channels % 3 === 0 && channels % 4 > 0 && filters % 4 === 0 && elements(kernel) > 1;
  if (!wrong || geometryOf(node).group > 1) return undefined;
  const [padded, widened] = [x, weight].map((value) => {
    const none = value.shape.map(() => 0);
    return pad(value, [...none, ...none.map((_, axis) => (axis === 1 ? 4 - (channels % 4) : 0))]);
  });
  return x.graph.apply(Conv, [padded, widened, ...(bias ? [bias] : [])], node.attributes);
};

/** A product of transposed operands has no kernel. */
export const transposeFirst: Replacement = ({ attributes }, inputs) => {
  const [left, right] = (["transA", "transB"] as const).map((name, i) => {
    const operand = inputs[i] as Value;
    return intOr(attributes, name, 0) === 0 ? operand : swapped(operand);
  }) as [Value, Value];
  const scale = floatOr(attributes, "alpha", 1);
  const product = matMul(left, right);
  return [scale === 1 ? product : mul(product, scale)];
};

/** The last two axes swapped. */
function swapped(x: Value): Value {
  const axes = x.shape.map((_, axis) => axis);
  return transpose(x, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]);
}

/** A sum of several values has no kernel. */
export const addOneByOne: Replacement = (_, inputs) => [
  (inputs as Value[]).reduce((total, value) => add(total, value)),
];

/** A product with what is 0 or 1 is a choice, which is one kernel in place of two. */
export const choose: Replacement = (_, inputs) => {
  const [left, right] = inputs as [Value, Value];
  const condition = conditionOf(right);
  return condition && [where(condition, left, 0)];
};

/** What a value is 1 for, and 0 otherwise. */
function conditionOf({ producer }: Value): Value | undefined {
  const source = producer?.operator === Cast ? producer.inputs[0] : undefined;
  return source?.dtype === "bool" ? source : undefined;
}

/** The sign has no kernel. What is neither above nor below 0 is 0, or no number. */
export const compareWithZero: Replacement = (_, [x]) => {
  const value = x as Value;
  if (value.dtype !== "float32") return undefined;
  return [where(greater(value, 0), 1, where(less(value, 0), -1, value))];
};
