import { type Attributes, float, int, ints } from "../graph/attributes.js";
import type { Value } from "../graph/graph.js";
import { single } from "./single.js";

export interface ReduceOptions {
  /** All axes where left out. */
  axes?: readonly number[];
  /** Whether reduced axes stay as 1; not by default. */
  keep?: boolean;
}

const attributesOf = ({ axes, keep }: ReduceOptions): Attributes => ({
  ...(axes && { axes: ints(axes) }),
  keepdims: int(keep ? 1 : 0),
});

const reduction =
  (operator: string) =>
  (x: Value, options: ReduceOptions = {}): Value =>
    single(operator, [x], attributesOf(options));

export const reduceMean = reduction("ReduceMean");
/** Sum of absolute values. */
export const reduceL1 = reduction("ReduceL1");
/** Sum of squares. */
export const reduceSumSquare = reduction("ReduceSumSquare");

export function reduceSum(x: Value, { axes, keep = false }: ReduceOptions = {}): Value {
  return single("ReduceSum", axes ? [x, x.graph.integers(axes)] : [x], { keepdims: int(keep ? 1 : 0) });
}

export interface MatMulOptions {
  /** Swap the last two axes of an operand first. */
  transposeLeft?: boolean;
  transposeRight?: boolean;
  /** Factor on the product. */
  scale?: number;
}

/** Matrix product over the last two axes, batched and broadcast over the others. */
export function matMul(left: Value, right: Value, options: MatMulOptions = {}): Value {
  const { transposeLeft = false, transposeRight = false, scale = 1 } = options;
  if (!transposeLeft && !transposeRight && scale === 1) return single("MatMul", [left, right]);
  const attributes = { transA: int(transposeLeft ? 1 : 0), transB: int(transposeRight ? 1 : 0), alpha: float(scale) };
  return single("FusedMatMul", [left, right], attributes, { domain: "com.microsoft" });
}
