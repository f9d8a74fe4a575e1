import {
  type Attributes,
  type EvaluationRule,
  elements,
  type GradientRule,
  int,
  intOr,
  ints,
  intsOr,
  type Node,
  Operands,
  type Operator,
  type ShapeRule,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { div, mul } from "./arithmetic.js";
import { operator } from "./declare.js";
import { broadcastIndices, contentOfNumbers, numbersIn, ofContents } from "./evaluation.js";
import { sign } from "./functions.js";
import { expand, reshape } from "./reshaping.js";

/**
 * The axes that a reduction runs over, from 0. ReduceSum takes them as an input, the other reductions of opset 17 as an
 * attribute; none given means all, unless `noop_with_empty_axes` is set.
 */
function reducedAxes(operands: Operands): number[] {
  const { shape } = operands.required(0);
  const given = operands.integers(1) ?? intsOr(operands.attributes, "axes", []);
  if (given.length > 0) return given.map((axis) => operands.axis(axis, shape.length));
  return intOr(operands.attributes, "noop_with_empty_axes", 0) ? [] : shape.map((_, i) => i);
}

const reduced: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const axes = reducedAxes(operands);
  const keep = intOr(operands.attributes, "keepdims", 1) !== 0;
  const kept = shape.map((size, i) => (axes.includes(i) ? 1 : size));
  return [{ dtype, shape: keep ? kept : kept.filter((_, i) => !axes.includes(i)) }];
};

/** The content of a reduction: `add` takes one element more into account, `finish` is given the number of elements. */
const reduces = (
  start: number,
  add: (total: number, x: number) => number,
  finish: (total: number, count: number) => number = (total) => total,
): EvaluationRule =>
  ofContents(({ inputs, attributes, outputs: [output] }, [data]) => {
    const { shape } = inputs[0] as Value;
    const numbers = data && numbersIn(data);
    if (!numbers || !output) return [];
    const axes = reducedAxes(new Operands(ReduceSum, inputs, attributes));
    const kept = shape.map((size, i) => (axes.includes(i) ? 1 : size));
    const totals = new Float64Array(elements(kept)).fill(start);
    broadcastIndices(kept, shape).forEach((to, from) => {
      totals[to] = add(totals[to] as number, numbers[from] as number);
    });
    const count = elements(shape) / totals.length;
    return [
      contentOfNumbers(
        totals.map((total) => finish(total, count)),
        output.dtype,
      ),
    ];
  });

/** dy, shaped so that it broadcasts against x: reduced axes are 1, whether the node kept them or not. */
function spread({ operator, inputs, attributes }: Node, dy: Value): Value {
  const operands = new Operands(operator, inputs, attributes);
  const axes = reducedAxes(operands);
  return reshape(
    dy,
    operands.required(0).shape.map((size, i) => (axes.includes(i) ? 1 : size)),
  );
}

/** A rule for a reduction, from the spread dy and x. */
const gradient =
  (rule: (dy: Value, x: Value, node: Node) => Value): GradientRule =>
  (node, [dy]) => [dy && rule(spread(node, dy), node.inputs[0] as Value, node)];

export const ReduceSum = operator("ReduceSum", {
  shape: reduced,
  evaluate: reduces(0, (total, x) => total + x),
  gradient: gradient((dy, x) => expand(dy, x.shape)),
});

export const ReduceMean = operator("ReduceMean", {
  shape: reduced,
  evaluate: reduces(
    0,
    (total, x) => total + x,
    (total, count) => total / count,
  ),
  gradient: gradient((dy, x, { outputs }) => {
    const count = elements(x.shape) / elements((outputs[0] as Value).shape);
    return expand(div(dy, count), x.shape);
  }),
});

export const ReduceL1 = operator("ReduceL1", {
  shape: reduced,
  evaluate: reduces(0, (total, x) => total + Math.abs(x)),
  // d Σ|x| = sign(x)
  gradient: gradient((dy, x) => mul(sign(x), dy)),
});

export const ReduceSumSquare = operator("ReduceSumSquare", {
  shape: reduced,
  evaluate: reduces(0, (total, x) => total + x * x),
  // d Σx² = 2x
  gradient: gradient((dy, x) => mul(mul(x, 2), dy)),
});

export const ReduceL2 = operator("ReduceL2", {
  shape: reduced,
  evaluate: reduces(0, (total, x) => total + x * x, Math.sqrt),
});
export const ReduceMax = operator("ReduceMax", {
  shape: reduced,
  evaluate: reduces(Number.NEGATIVE_INFINITY, Math.max),
});
export const ReduceMin = operator("ReduceMin", {
  shape: reduced,
  evaluate: reduces(Number.POSITIVE_INFINITY, Math.min),
});

export const ReduceProd = operator("ReduceProd", { shape: reduced, evaluate: reduces(1, (product, x) => product * x) });

export interface ReduceOptions {
  /** All axes where left out. */
  axes?: readonly number[];
  /** Whether reduced axes stay as 1; not by default. */
  keep?: boolean;
}

const attributesOf = ({ axes, keep }: ReduceOptions): Attributes => ({
  ...(axes && { axes: ints(axes) }),
  keepdims: int(keep ? 1 : 0),
});

const reduction =
  (operator: Operator) =>
  (x: Value, options: ReduceOptions = {}): Value =>
    single(operator, [x], attributesOf(options));

export const reduceMean = reduction(ReduceMean);
/** Sum of absolute values. */
export const reduceL1 = reduction(ReduceL1);
/** Sum of squares. */
export const reduceSumSquare = reduction(ReduceSumSquare);

export function reduceSum(x: Value, { axes, keep = false }: ReduceOptions = {}): Value {
  return single(ReduceSum, axes ? [x, x.graph.integers(axes)] : [x], { keepdims: int(keep ? 1 : 0) });
}
