import { GraphError } from "../../errors.js";
import type { Attributes } from "../attributes.js";
import type { Value } from "../graph.js";
import { elements, isShape, showShape } from "../types.js";
import { arrangementShapes } from "./arrangement.js";
import { elementwiseShapes } from "./elementwise.js";
import { reductionShapes } from "./reduction.js";
import { Operands, type ShapeRule, type TensorType } from "./rule.js";
import { spatialShapes } from "./spatial.js";

const RULES = new Map<string, ShapeRule>(
  Object.entries({ ...elementwiseShapes, ...spatialShapes, ...arrangementShapes, ...reductionShapes }),
);

/**
 * Element types and shapes of an operator's outputs.
 * @throws GraphError for an unknown operator, and for operands that don't fit, naming them and their shapes.
 */
export function inferOutputs(
  operator: string,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
): readonly TensorType[] {
  const rule = RULES.get(operator);
  if (!rule) throw new GraphError(`operator ${operator} is not supported`);
  const operands = new Operands(operator, inputs, attributes);
  const types = rule(operands);
  for (const { shape } of types) {
    if (!isShape(shape)) operands.fail(`${showShape(shape)} is not a shape`);
    if (!Number.isSafeInteger(elements(shape))) operands.fail(`${showShape(shape)}: more elements than can be counted`);
  }
  return types;
}
