import { float, int } from "../graph/attributes.js";
import type { Value } from "../graph/graph.js";
import { DATA_TYPES, type DataType } from "../graph/types.js";
import { single } from "./single.js";

/** A number stands for a float32 constant. */
export type Operand = Value | number;

const operandValue = (operand: Operand, beside: Value): Value =>
  typeof operand === "number" ? beside.graph.scalar(operand) : operand;

const unary = (operator: string) => (x: Value) => single(operator, [x]);

function binary(operator: string) {
  return (a: Operand, b: Operand): Value => {
    if (typeof a !== "number") return single(operator, [a, operandValue(b, a)]);
    if (typeof b !== "number") return single(operator, [operandValue(a, b), b]);
    throw new TypeError(`${operator} of two numbers`);
  };
}

export const abs = unary("Abs");
export const neg = unary("Neg");
export const sign = unary("Sign");
export const sqrt = unary("Sqrt");
export const exp = unary("Exp");
export const log = unary("Log");
export const relu = unary("Relu");
export const sigmoid = unary("Sigmoid");
export const tanh = unary("Tanh");
export const softplus = unary("Softplus");
export const identity = unary("Identity");

export const add = binary("Add");
export const sub = binary("Sub");
export const mul = binary("Mul");
export const div = binary("Div");
export const pow = binary("Pow");
export const greater = binary("Greater");
export const less = binary("Less");
export const equal = binary("Equal");

export const leakyRelu = (x: Value, alpha: number): Value => single("LeakyRelu", [x], { alpha: float(alpha) });

/** max(x, 0) + slope · min(x, 0); the slope broadcasts to x. */
export const prelu = (x: Value, slope: Value): Value => single("PRelu", [x, slope]);

/** Sum of one or more values, broadcast. */
export const sum = (values: readonly Value[]): Value => {
  const [first, ...rest] = values;
  if (!first) throw new TypeError("sum of nothing");
  return rest.length === 0 ? first : rest.length === 1 ? add(first, rest[0] as Value) : single("Sum", values);
};

export const clip = (x: Value, low: number, high: number): Value =>
  single("Clip", [x, x.graph.scalar(low), x.graph.scalar(high)]);

export const where = (condition: Value, yes: Operand, no: Operand): Value =>
  single("Where", [condition, operandValue(yes, condition), operandValue(no, condition)]);

export const cast = (x: Value, to: DataType): Value => single("Cast", [x], { to: int(DATA_TYPES[to].onnx) });
