import {
  DATA_TYPES,
  type DataType,
  type EvaluationRule,
  int,
  intOr,
  type ShapeRule,
  type Value,
} from "../graph/index.js";
import { binary, type Operand, operandValue, single } from "./apply.js";
import { elementwise } from "./declare.js";
import { contentOfNumbers, isIntegral, numbersIn, ofElement, ofPair } from "./evaluation.js";
import { unbroadcast } from "./gradient-rules.js";
import { chosenContent } from "./placement.js";
import { broadcast, broadcastOperands, broadcastShapes } from "./shapes.js";

const truth: ShapeRule = (operands) => [{ dtype: "bool", shape: broadcastOperands(operands) }];

const whether = (compare: (a: number, b: number) => boolean) => ofPair((a, b) => Number(compare(a, b)));

export const Equal = elementwise("Equal", { shape: truth, evaluate: whether((a, b) => a === b) });
export const Greater = elementwise("Greater", { shape: truth, evaluate: whether((a, b) => a > b) });
export const GreaterOrEqual = elementwise("GreaterOrEqual", { shape: truth, evaluate: whether((a, b) => a >= b) });
export const Less = elementwise("Less", { shape: truth, evaluate: whether((a, b) => a < b) });
export const LessOrEqual = elementwise("LessOrEqual", { shape: truth, evaluate: whether((a, b) => a <= b) });

export const And = elementwise("And", { shape: broadcast, evaluate: ofPair((a, b) => a & b) });
export const Or = elementwise("Or", { shape: broadcast, evaluate: ofPair((a, b) => a | b) });
export const Not = elementwise("Not", { evaluate: ofElement((x) => 1 - x) });

export const Where = elementwise("Where", {
  shape: (operands) => {
    const condition = operands.required(0);
    if (condition.dtype !== "bool") operands.fail(`the condition ${condition.name} is ${condition.dtype}, not bool`);
    const branches = broadcastOperands(operands, [operands.required(1), operands.required(2)]);
    const shape = broadcastShapes(condition.shape, branches) ?? operands.fail("shapes don't broadcast");
    return [{ dtype: operands.required(1).dtype, shape }];
  },
  evaluate: chosenContent,
  // Only the condition's side gets the gradient.
  gradient: (node, [dy], wanted) => {
    if (!dy) return [];
    const [condition, yes, no] = node.inputs as [Value, Value, Value];
    return [
      undefined,
      wanted[1] ? unbroadcast(where(condition, dy, 0), yes.shape) : undefined,
      wanted[2] ? unbroadcast(where(condition, 0, dy), no.shape) : undefined,
    ];
  },
});

/** Fractions are cut off, and what isn't 0 is true. */
const castContent: EvaluationRule = ({ inputs, outputs: [output], contents: [content] }) => {
  if (!content || !output) return [];
  if (inputs[0]?.dtype === output.dtype) return [content];
  const numbers = numbersIn(content);
  if (!numbers) return [];
  const change = (x: number) =>
    output.dtype === "bool" ? Number(x !== 0) : isIntegral(output.dtype) ? Math.trunc(x) : x;
  return [contentOfNumbers(Float64Array.from(numbers, change), output.dtype)];
};

export const Cast = elementwise("Cast", {
  shape: (operands) => {
    const to = intOr(operands.attributes, "to", 0);
    const names = Object.keys(DATA_TYPES) as DataType[];
    const dtype =
      names.find((name) => DATA_TYPES[name].onnx === to) ?? operands.fail(`element type ${to} is not supported`);
    return [{ dtype, shape: operands.required(0).shape }];
  },
  evaluate: castContent,
});

export const greater = binary(Greater);
export const less = binary(Less);
export const equal = binary(Equal);
export const or = binary(Or);

export const where = (condition: Value, yes: Operand, no: Operand): Value =>
  single(Where, [condition, operandValue(yes, condition), operandValue(no, condition)]);

export const cast = (x: Value, to: DataType): Value => single(Cast, [x], { to: int(DATA_TYPES[to].onnx) });
