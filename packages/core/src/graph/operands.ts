import { GraphError } from "../errors.js";
import type { Attributes } from "./attributes.js";
import type { Value } from "./graph.js";
import type { Operator } from "./operator.js";
import { type DataType, elements, isShape, normaliseAxis, type Shape, showShape } from "./types.js";

export interface TensorType {
  readonly dtype: DataType;
  readonly shape: Shape;
}

/** The integers of a value whose content is known; undefined for any other. */
export function integersOf(value: Value | undefined): number[] | undefined {
  const content = value?.data ?? value?.known;
  return content instanceof BigInt64Array || content instanceof Int32Array
    ? Array.from<bigint | number, number>(content, Number)
    : undefined;
}

/** What a shape rule sees of the node that is being added. */
export class Operands {
  constructor(
    readonly operator: Operator,
    readonly inputs: readonly (Value | undefined)[],
    readonly attributes: Attributes,
  ) {}

  /** The input at `index`, which the operator can't do without. */
  required(index: number): Value {
    return this.inputs[index] ?? this.fail(`input ${index} is missing`);
  }

  ranked(index: number, rank: number): Value {
    const value = this.required(index);
    return value.shape.length === rank ? value : this.fail(`input ${value.name} must have ${rank} axes`);
  }

  axis(axis: number, rank: number): number {
    return normaliseAxis(axis, rank) ?? this.fail(`axis ${axis} is not one of ${rank}`);
  }

  /** The integers of the input at `index`, whose content is known; undefined where the input is left out. */
  integers(index: number): number[] | undefined {
    const value = this.inputs[index];
    return (
      value &&
      (integersOf(value) ??
        this.fail(`input ${value.name} must be a constant of integers, or computed from shapes and constants`))
    );
  }

  /** @throws GraphError naming the operator, its inputs and their shapes */
  fail(reason: string): never {
    const operands = this.inputs.map((value) => (value ? `${value.name} ${showShape(value.shape)}` : "–")).join(", ");
    throw new GraphError(`${this.operator.name}(${operands}): ${reason}`);
  }
}

/**
 * Element types and shapes of an operator's outputs.
 * @throws GraphError for operands that don't fit, naming them and their shapes
 */
export function inferOutputs(
  operator: Operator,
  inputs: readonly (Value | undefined)[],
  attributes: Attributes,
): readonly TensorType[] {
  const operands = new Operands(operator, inputs, attributes);
  const types = operator.shape(operands);
  for (const { shape } of types) {
    if (!isShape(shape)) operands.fail(`${showShape(shape)} is not a shape`);
    if (!Number.isSafeInteger(elements(shape))) operands.fail(`${showShape(shape)}: more elements than can be counted`);
  }
  return types;
}
