import type { Attributes, Operator, Value } from "../graph/index.js";

/** A number stands for a float32 constant. */
export type Operand = Value | number;

/** Applies an operator and returns its first output. */
export function single(operator: Operator, inputs: readonly (Value | undefined)[], attributes: Attributes = {}): Value {
  const graph = inputs.find((value) => value !== undefined)?.graph;
  if (!graph) throw new TypeError(`${operator.name} without inputs`);
  return graph.apply(operator, inputs, attributes)[0] as Value;
}

/** An operand as a value of the graph that `beside` is in. */
export const operandValue = (operand: Operand, beside: Value): Value =>
  typeof operand === "number" ? beside.graph.scalar(operand) : operand;

/** The constructor of an operator of one operand. */
export const unary =
  (operator: Operator) =>
  (x: Value): Value =>
    single(operator, [x]);

/** The constructor of an operator of two operands, one of which may be a number. */
export const binary =
  (operator: Operator) =>
  (a: Operand, b: Operand): Value => {
    if (typeof a !== "number") return single(operator, [a, operandValue(b, a)]);
    if (typeof b !== "number") return single(operator, [operandValue(a, b), b]);
    throw new TypeError(`${operator.name} of two numbers`);
  };
