import { type EvaluationRule, intOr, numbersOf, type Operands, type Value } from "../graph/index.js";
import { single } from "./apply.js";
import { operator } from "./declare.js";
import { contentOfNumbers } from "./evaluation.js";

/** Operators that sizes of images begin with: their contents follow from shapes. */

/** The axes that Shape tells of: from `start` to `end`, counted from the end when negative. */
function told({ inputs, attributes }: Pick<Operands, "inputs" | "attributes">): readonly number[] {
  const { shape } = inputs[0] as Value;
  return shape.slice(intOr(attributes, "start", 0), intOr(attributes, "end", shape.length));
}

export const Shape = operator("Shape", {
  shape: (operands) => {
    operands.required(0);
    return [{ dtype: "int64", shape: [told(operands).length] }];
  },
  evaluate: (evaluation) => [BigInt64Array.from(told(evaluation), BigInt)],
  gradient: "stops",
});

export const Size = operator("Size", {
  shape: (operands) => {
    operands.required(0);
    return [{ dtype: "int64", shape: [] }];
  },
  evaluate: ({ inputs }) => [BigInt64Array.of(BigInt((inputs[0] as Value).shape.reduce((a, b) => a * b, 1)))],
  gradient: "stops",
});

const evaluateRange: EvaluationRule = ({ inputs, outputs: [output] }) => {
  const [start, , step] = inputs.map((value) => numbersOf(value)?.[0]);
  if (!output || start === undefined || step === undefined) return [];
  const numbers = Float64Array.from({ length: output.shape[0] as number }, (_, i) => start + i * step);
  return [contentOfNumbers(numbers, output.dtype)];
};

export const Range = operator("Range", {
  shape: (operands) => {
    const [start, limit, step] = [0, 1, 2].map((i) => {
      const value = operands.required(i);
      return numbersOf(value)?.[0] ?? operands.fail(`input ${value.name} must be a number that is known`);
    }) as [number, number, number];
    if (step === 0) operands.fail("a step of 0");
    return [{ dtype: operands.required(0).dtype, shape: [Math.max(0, Math.ceil((limit - start) / step))] }];
  },
  evaluate: evaluateRange,
  gradient: "stops",
});

/** The sizes of x, as int64 [axes]. */
export const shapeOf = (x: Value): Value => single(Shape, [x]);
