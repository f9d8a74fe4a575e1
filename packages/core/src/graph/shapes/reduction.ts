import { intOr, intsOr } from "../attributes.js";
import { broadcastShapes, type Operands, type ShapeRule } from "./rule.js";

/**
 * The axes that a reduction runs over, from 0. ReduceSum takes them as an input, the other reductions of opset 17 as an
 * attribute; none given means all, unless `noop_with_empty_axes` is set.
 */
export function reducedAxes(operands: Operands): number[] {
  const { shape } = operands.required(0);
  const given = operands.integers(1) ?? intsOr(operands.attributes, "axes", []);
  if (given.length > 0) return given.map((axis) => operands.axis(axis, shape.length));
  return intOr(operands.attributes, "noop_with_empty_axes", 0) ? [] : shape.map((_, i) => i);
}

const reduce: ShapeRule = (operands) => {
  const { dtype, shape } = operands.required(0);
  const axes = reducedAxes(operands);
  const keep = intOr(operands.attributes, "keepdims", 1) !== 0;
  const reduced = shape.map((size, i) => (axes.includes(i) ? 1 : size));
  return [{ dtype, shape: keep ? reduced : reduced.filter((_, i) => !axes.includes(i)) }];
};

function multiply(operands: Operands, transposeLeft: boolean, transposeRight: boolean): ReturnType<ShapeRule> {
  const left = operands.required(0);
  const right = operands.required(1);
  if (left.shape.length < 2 || right.shape.length < 2) operands.fail("both operands must be matrices");
  const matrix = (shape: readonly number[], transposed: boolean): [number, number] => {
    const [rows, columns] = shape.slice(-2) as [number, number];
    return transposed ? [columns, rows] : [rows, columns];
  };
  const [rows, inner] = matrix(left.shape, transposeLeft);
  const [innerRight, columns] = matrix(right.shape, transposeRight);
  if (inner !== innerRight) operands.fail(`inner sizes ${inner} and ${innerRight} differ`);
  const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  return [{ dtype: left.dtype, shape: [...(batch ?? operands.fail("batches don't broadcast")), rows, columns] }];
}

const flag = (operands: Operands, name: string) => intOr(operands.attributes, name, 0) !== 0;

const REDUCTIONS = ["ReduceSum", "ReduceMean", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceMax", "ReduceMin"];

export const reductionShapes: Record<string, ShapeRule> = {
  ...Object.fromEntries(REDUCTIONS.map((operator) => [operator, reduce])),
  MatMul: (operands) => multiply(operands, false, false),
  FusedMatMul: (operands) => {
    const odd = ["transBatchA", "transBatchB"].find((name) => flag(operands, name));
    if (odd) operands.fail(`${odd} is not supported`);
    return multiply(operands, flag(operands, "transA"), flag(operands, "transB"));
  },
  Gemm: (operands) => {
    for (const index of [0, 1]) operands.ranked(index, 2);
    return multiply(operands, flag(operands, "transA"), flag(operands, "transB"));
  },
};
