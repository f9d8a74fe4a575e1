import { intOr } from "../attributes.js";
import { DATA_TYPES, type DataType, sameShape } from "../types.js";
import { broadcastShapes, type Operands, type ShapeRule } from "./rule.js";

const unary: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  return [{ dtype, shape }];
};

function broadcast(operands: Operands, values = operands.inputs.map((_, i) => operands.required(i))): number[] {
  let shape: number[] = [];
  for (const value of values) {
    shape = broadcastShapes(shape, value.shape) ?? operands.fail("shapes don't broadcast");
  }
  const first = values[0];
  const odd = values.find((value) => value.dtype !== first?.dtype);
  if (odd) operands.fail(`${odd.name} is ${odd.dtype}, the others are ${first?.dtype}`);
  return shape;
}

const arithmetic: ShapeRule = (operands) => [{ dtype: operands.required(0).dtype, shape: broadcast(operands) }];

const comparison: ShapeRule = (operands) => [{ dtype: "bool", shape: broadcast(operands) }];

/** The slope broadcasts to the input, never the other way. */
const prelu: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  if (!sameShape(broadcast(operands), shape)) operands.fail("the slope doesn't broadcast to the input");
  return [{ dtype, shape }];
};

const where: ShapeRule = (operands) => {
  const condition = operands.required(0);
  if (condition.dtype !== "bool") operands.fail(`the condition ${condition.name} is ${condition.dtype}, not bool`);
  const branches = broadcast(operands, [operands.required(1), operands.required(2)]);
  const shape = broadcastShapes(condition.shape, branches) ?? operands.fail("shapes don't broadcast");
  return [{ dtype: operands.required(1).dtype, shape }];
};

const cast: ShapeRule = (operands) => {
  const to = intOr(operands.attributes, "to", 0);
  const names = Object.keys(DATA_TYPES) as DataType[];
  const dtype =
    names.find((name) => DATA_TYPES[name].onnx === to) ?? operands.fail(`element type ${to} is not supported`);
  return [{ dtype, shape: operands.required(0).shape }];
};

const UNARY = [
  ...["Abs", "Neg", "Sign", "Sqrt", "Exp", "Log", "Reciprocal", "Floor", "Ceil", "Round", "Erf", "Identity", "Not"],
  ...[
    "Relu",
    "LeakyRelu",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Tanh",
    "Elu",
    "Softplus",
    "Clip",
    "Softmax",
    "StopGradient",
  ],
];

export const elementwiseShapes: Record<string, ShapeRule> = {
  ...Object.fromEntries(UNARY.map((operator) => [operator, unary])),
  ...Object.fromEntries(
    ["Add", "Sub", "Mul", "Div", "Pow", "Sum", "Min", "Max", "And", "Or"].map((o) => [o, arithmetic]),
  ),
  ...Object.fromEntries(["Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"].map((o) => [o, comparison])),
  PRelu: prelu,
  Where: where,
  Cast: cast,
};
