import { GraphError } from "../../errors.js";
import type { Attributes } from "../attributes.js";
import type { Value } from "../graph.js";
import { type DataType, normaliseAxis, type Shape, showShape } from "../types.js";

export interface TensorType {
  readonly dtype: DataType;
  readonly shape: Shape;
}

/** What a shape rule sees of the node that is being added. */
export class Operands {
  constructor(
    readonly operator: string,
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

  /** The integers of the constant input at `index`; undefined where the input is left out. */
  integers(index: number): number[] | undefined {
    const value = this.inputs[index];
    if (!value) return undefined;
    if (!(value.data instanceof BigInt64Array || value.data instanceof Int32Array)) {
      return this.fail(`input ${value.name} must be a constant of integers`);
    }
    return Array.from(value.data as ArrayLike<bigint | number>, Number);
  }

  fail(reason: string): never {
    const operands = this.inputs.map((value) => (value ? `${value.name} ${showShape(value.shape)}` : "–")).join(", ");
    throw new GraphError(`${this.operator}(${operands}): ${reason}`);
  }
}

export type ShapeRule = (operands: Operands) => readonly TensorType[];

/** Numpy broadcasting of two shapes; undefined where they don't fit. */
export function broadcastShapes(a: Shape, b: Shape): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[a.length - rank + i] ?? 1;
    const right = b[b.length - rank + i] ?? 1;
    if (left !== right && left !== 1 && right !== 1) return undefined;
    shape.push(left === 1 ? right : left);
  }
  return shape;
}
