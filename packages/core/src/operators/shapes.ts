import { intsOr, type Operands, type Shape, type ShapeRule, type Value } from "../graph/index.js";

export const likeFirst: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  return [{ dtype, shape }];
};

export const likeSecond: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(1);
  return [{ dtype, shape }];
};

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

/** The shape that operands of one element type broadcast to. */
export function broadcastOperands(operands: Operands, values: readonly Value[] = all(operands)): number[] {
  let shape: number[] = [];
  for (const value of values) {
    shape = broadcastShapes(shape, value.shape) ?? operands.fail("shapes don't broadcast");
  }
  const first = values[0];
  const odd = values.find((value) => value.dtype !== first?.dtype);
  if (odd) operands.fail(`${odd.name} is ${odd.dtype}, the others are ${first?.dtype}`);
  return shape;
}

const all = (operands: Operands): Value[] => operands.inputs.map((_, i) => operands.required(i));

/** Operands that broadcast, of one element type, which the result has too. */
export const broadcast: ShapeRule = (operands) => [
  { dtype: operands.required(0).dtype, shape: broadcastOperands(operands) },
];

/** As the attribute `shape` says. */
export const stated: ShapeRule = (operands) => [
  { dtype: operands.required(0).dtype, shape: intsOr(operands.attributes, "shape", []) },
];
