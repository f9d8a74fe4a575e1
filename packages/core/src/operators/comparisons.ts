import { DATA_TYPES, type DataType, int, intOr, type ShapeRule, type Value } from "../graph/index.js";
import { binary, type Operand, operandValue, single } from "./apply.js";
import { elementwise } from "./declare.js";
import { unbroadcast } from "./gradient-rules.js";
import { broadcast, broadcastOperands, broadcastShapes } from "./shapes.js";

const truth: ShapeRule = (operands) => [{ dtype: "bool", shape: broadcastOperands(operands) }];

export const Equal = elementwise("Equal", { shape: truth });
export const Greater = elementwise("Greater", { shape: truth });
export const GreaterOrEqual = elementwise("GreaterOrEqual", { shape: truth });
export const Less = elementwise("Less", { shape: truth });
export const LessOrEqual = elementwise("LessOrEqual", { shape: truth });

export const And = elementwise("And", { shape: broadcast });
export const Or = elementwise("Or", { shape: broadcast });
export const Not = elementwise("Not");

export const Where = elementwise("Where", {
  shape: (operands) => {
    const condition = operands.required(0);
    if (condition.dtype !== "bool") operands.fail(`the condition ${condition.name} is ${condition.dtype}, not bool`);
    const branches = broadcastOperands(operands, [operands.required(1), operands.required(2)]);
    const shape = broadcastShapes(condition.shape, branches) ?? operands.fail("shapes don't broadcast");
    return [{ dtype: operands.required(1).dtype, shape }];
  },
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

export const Cast = elementwise("Cast", {
  shape: (operands) => {
    const to = intOr(operands.attributes, "to", 0);
    const names = Object.keys(DATA_TYPES) as DataType[];
    const dtype =
      names.find((name) => DATA_TYPES[name].onnx === to) ?? operands.fail(`element type ${to} is not supported`);
    return [{ dtype, shape: operands.required(0).shape }];
  },
});

export const greater = binary(Greater);
export const less = binary(Less);
export const equal = binary(Equal);
export const or = binary(Or);

export const where = (condition: Value, yes: Operand, no: Operand): Value =>
  single(Where, [condition, operandValue(yes, condition), operandValue(no, condition)]);

export const cast = (x: Value, to: DataType): Value => single(Cast, [x], { to: int(DATA_TYPES[to].onnx) });
