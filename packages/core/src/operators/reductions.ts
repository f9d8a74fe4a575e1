import {
  type Attributes,
  type EvaluationRule,
  elements,
  type Freedom,
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
import { channelsAlong, reachAlong } from "./along-axes.js";
import { single } from "./apply.js";
import { div, mul, sub } from "./arithmetic.js";
import { cast, equal, where } from "./comparisons.js";
import { operator } from "./declare.js";
import { broadcastIndices, contentOfNumbers, numbersIn, ofContents } from "./evaluation.js";
import { exp, neg, sign } from "./functions.js";
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
function spread(node: Node, dy: Value): Value {
  const axes = reducedAxesOf(node);
  return reshape(
    dy,
    (node.inputs[0] as Value).shape.map((size, i) => (axes.includes(i) ? 1 : size)),
  );
}

/** A rule for a reduction, from the spread dy and x. */
const gradient =
  (rule: (dy: Value, x: Value, node: Node) => Value): GradientRule =>
  (node, [dy]) => [dy && rule(spread(node, dy), node.inputs[0] as Value, node)];

const spreadOutput = (node: Node): Value => spread(node, node.outputs[0] as Value);

export const reducedAxesOf = ({ operator, inputs, attributes }: Node): number[] =>
  reducedAxes(new Operands(operator, inputs, attributes));

/** What all reductions have: of a function that leaves a channel's values so much freedom. */
const reducing = (freedom: Freedom): Pick<Operator, "shape" | "channels" | "reach"> => ({
  shape: reduced,
  channels: channelsAlong(reducedAxesOf, freedom),
  reach: reachAlong(reducedAxesOf),
});

const extreme = gradient((dy, x, node) => mul(dy, sharesOfEquals(x, spreadOutput(node), reducedAxesOf(node))));

/** 1 / k at each of the k elements of x that equal its extreme y over the axes: a gradient goes to all of them alike. */
export function sharesOfEquals(x: Value, y: Value, axes: readonly number[]): Value {
  const here = cast(equal(x, y), "float32");
  return div(here, reduceSum(here, { axes, keep: true }));
}

export const ReduceSum = operator("ReduceSum", {
  ...reducing("linear"),
  evaluate: reduces(0, (total, x) => total + x),
  gradient: gradient((dy, x) => expand(dy, x.shape)),
});

export const ReduceMean = operator("ReduceMean", {
  ...reducing("linear"),
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
  ...reducing("scaling"),
  evaluate: reduces(0, (total, x) => total + Math.abs(x)),
  // d Σ|x| = sign(x)
  gradient: gradient((dy, x) => mul(sign(x), dy)),
});

export const ReduceSumSquare = operator("ReduceSumSquare", {
  ...reducing("permutation"),
  evaluate: reduces(0, (total, x) => total + x * x),
  // d Σx² = 2x
  gradient: gradient((dy, x) => mul(mul(x, 2), dy)),
});

export const ReduceL2 = operator("ReduceL2", {
  ...reducing("scaling"),
  evaluate: reduces(0, (total, x) => total + x * x, Math.sqrt),
  // d|x| = x / |x|, at 0 nothing.
  gradient: gradient((dy, x, node) => {
    const y = spreadOutput(node);
    return mul(x, div(dy, where(equal(y, 0), 1, y)));
  }),
});

export const ReduceMax = operator("ReduceMax", {
  ...reducing("scaling"),
  evaluate: reduces(Number.NEGATIVE_INFINITY, Math.max),
  gradient: extreme,
});

export const ReduceMin = operator("ReduceMin", {
  ...reducing("scaling"),
  evaluate: reduces(Number.POSITIVE_INFINITY, Math.min),
  gradient: extreme,
});

/** Of one zero the others' product is left, of more nothing. */
const productGradient = gradient((dy, x, node) => {
  const options = { axes: reducedAxesOf(node), keep: true };
  const isZero = equal(x, 0);
  const factors = where(isZero, 1, x);
  const product = single(ReduceProd, [factors], attributesOf(options));
  const zeros = reduceSum(cast(isZero, "float32"), options);
  const others = where(isZero, where(equal(zeros, 1), product, 0), where(equal(zeros, 0), div(product, factors), 0));
  return mul(dy, others);
});

export const ReduceProd = operator("ReduceProd", {
  ...reducing("permutation"),
  evaluate: reduces(1, (product, x) => product * x),
  gradient: productGradient,
});

export const ReduceLogSum = operator("ReduceLogSum", {
  ...reducing("permutation"),
  // d log Σx = 1 / Σx = e^(−y)
  gradient: gradient((dy, x, node) => expand(mul(dy, exp(neg(spreadOutput(node)))), x.shape)),
});

export const ReduceLogSumExp = operator("ReduceLogSumExp", {
  ...reducing("permutation"),
  // d log Σeˣ = e^(x − y)
  gradient: gradient((dy, x, node) => mul(dy, exp(sub(x, spreadOutput(node))))),
});

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
export const reduceMax = reduction(ReduceMax);
/** Sum of absolute values. */
export const reduceL1 = reduction(ReduceL1);
/** Sum of squares. */
export const reduceSumSquare = reduction(ReduceSumSquare);

export function reduceSum(x: Value, { axes, keep = false }: ReduceOptions = {}): Value {
  return single(ReduceSum, axes ? [x, x.graph.integers(axes)] : [x], { keepdims: int(keep ? 1 : 0) });
}
