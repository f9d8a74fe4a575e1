import { type ChannelRule, type ChannelTrace, elements, type GradientRule, intOr, type Value } from "../graph/index.js";
import { binary, single } from "./apply.js";
import { cast, equal, greater, or, where } from "./comparisons.js";
import { elementwise } from "./declare.js";
import { ofElements, ofPair } from "./evaluation.js";
import { log, neg } from "./functions.js";
import { binaryGradient, unbroadcast } from "./gradient-rules.js";
import { broadcast, broadcastShapes } from "./shapes.js";

/** A sum with one number for all channels is affine: a matrix of the channels would need another number for each. */
const addends: ChannelRule = (node, trace) => {
  const output = node.outputs[0] as Value;
  const alike = node.inputs.some((value) => value && !trace.of(value) && !runsAlongChannels(value, output));
  trace.channelwise(node, alike ? "permutation" : "linear");
};

/** A product with one number is linear; of activations, or with a factor a channel, it is a gate. */
const factors: ChannelRule = (node, trace) => {
  const [x, y] = node.inputs as [Value, Value];
  trace.channelwise(node, isNumber(x, trace) || isNumber(y, trace) ? "linear" : "permutation");
};

/** A quotient by one number is linear; of one number, or of activations, it is curved. */
const quotient: ChannelRule = (node, trace) => {
  trace.channelwise(node, isNumber(node.inputs[1] as Value, trace) ? "linear" : "permutation");
};

const isNumber = (value: Value, trace: ChannelTrace): boolean => !trace.of(value) && elements(value.shape) === 1;

const runsAlongChannels = ({ shape }: Value, output: Value): boolean => shape.at(-3) === output.shape[1];

export const Add = elementwise("Add", {
  shape: broadcast,
  evaluate: ofPair((a, b) => a + b),
  gradient: binaryGradient(
    (dy) => dy,
    (dy) => dy,
  ),
  channels: addends,
});

export const Sub = elementwise("Sub", {
  shape: broadcast,
  evaluate: ofPair((a, b) => a - b),
  gradient: binaryGradient(
    (dy) => dy,
    (dy) => neg(dy),
  ),
  channels: addends,
});

export const Mul = elementwise("Mul", {
  shape: broadcast,
  evaluate: ofPair((a, b) => a * b),
  gradient: binaryGradient(
    (dy, _a, b) => mul(dy, b),
    (dy, a) => mul(dy, a),
  ),
  channels: factors,
});

export const Div = elementwise("Div", {
  shape: broadcast,
  evaluate: ofPair((a, b, integral) => (integral ? Math.trunc(a / b) : a / b)),
  // d(a/b)/db = −y/b
  gradient: binaryGradient(
    (dy, _a, b) => div(dy, b),
    (dy, _a, b, y) => neg(div(mul(dy, y), b)),
  ),
  channels: quotient,
});

/** y = aᵇ: da = dy·b·aᵇ⁻¹, db = dy·y·log a, and 0 where a isn't positive. */
export const Pow = elementwise("Pow", {
  // The exponent's type may be another.
  shape: (operands) => {
    const [base, exponent] = [operands.required(0), operands.required(1)];
    const shape = broadcastShapes(base.shape, exponent.shape) ?? operands.fail("shapes don't broadcast");
    return [{ dtype: base.dtype, shape }];
  },
  evaluate: ofPair((a, b) => a ** b),
  gradient: (node, [dy], wanted) => {
    if (!dy) return [];
    const [a, exponent] = node.inputs as [Value, Value];
    const y = node.outputs[0] as Value;
    const b = exponent.dtype === a.dtype ? exponent : cast(exponent, a.dtype);
    const logarithm = () => where(greater(a, 0), log(where(greater(a, 0), a, 1)), 0);
    return [
      wanted[0] ? unbroadcast(mul(mul(dy, b), pow(a, sub(b, 1))), a.shape) : undefined,
      wanted[1] ? unbroadcast(mul(mul(dy, y), logarithm()), b.shape) : undefined,
    ];
  },
  channels: "permutation",
});

export const Sum = elementwise("Sum", {
  shape: broadcast,
  evaluate: ofElements((operands) => operands.reduce((a, b) => a + b)),
  gradient: (node, [dy], wanted) =>
    node.inputs.map((value, i) => (value && dy && wanted[i] ? unbroadcast(dy, value.shape) : undefined)),
  channels: addends,
});

export const Mean = elementwise("Mean", {
  shape: broadcast,
  gradient: ({ inputs }, [dy], wanted) =>
    inputs.map((value, i) => (value && dy && wanted[i] ? unbroadcast(div(dy, inputs.length), value.shape) : undefined)),
  channels: addends,
});

/** The gradient goes to the operand that is the result, the first of equals. */
const extremeGradient: GradientRule = (node, [dy], wanted) => {
  const y = node.outputs[0] as Value;
  let taken: Value | undefined;
  return (node.inputs as Value[]).map((x, i) => {
    const here = equal(x, y);
    const own = dy && where(here, dy, 0);
    const gradient = own && taken ? where(taken, 0, own) : own;
    taken = taken ? or(taken, here) : here;
    return gradient && wanted[i] ? unbroadcast(gradient, x.shape) : undefined;
  });
};

export const Min = elementwise("Min", {
  shape: broadcast,
  evaluate: ofElements((operands) => Math.min(...operands)),
  gradient: extremeGradient,
  channels: "permutation",
});

export const Max = elementwise("Max", {
  shape: broadcast,
  evaluate: ofElements((operands) => Math.max(...operands)),
  gradient: extremeGradient,
  channels: "permutation",
});

/** The remainder: of the divisor's sign, or of the dividend's where `fmod` is set. */
export const Mod = elementwise("Mod", {
  shape: broadcast,
  evaluate: (evaluation) => remainder(intOr(evaluation.attributes, "fmod", 0) !== 0)(evaluation),
  channels: "permutation",
});

const remainder = (ofDividend: boolean) => ofPair((a, b) => (ofDividend ? a % b : a - b * Math.floor(a / b)));

export const add = binary(Add);
export const sub = binary(Sub);
export const mul = binary(Mul);
export const div = binary(Div);
export const pow = binary(Pow);

/** Sum of one or more values, broadcast. */
export const sum = (values: readonly Value[]): Value => {
  const [first, ...rest] = values;
  if (!first) throw new TypeError("sum of nothing");
  return rest.length === 0 ? first : rest.length === 1 ? add(first, rest[0] as Value) : single(Sum, values);
};
