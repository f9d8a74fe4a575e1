import {
  type CostRule,
  elements,
  float,
  floatOr,
  type GradientRule,
  int,
  intOr,
  type Node,
  type Operands,
  type ShapeRule,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { operator } from "./declare.js";
import { unbroadcast } from "./gradient-rules.js";
import { broadcastShapes } from "./shapes.js";

/** Whether an operand's last two axes are swapped first; MatMul has no such attributes. */
const isTransposed = ({ attributes }: Node | Operands, name: "transA" | "transB"): boolean =>
  intOr(attributes, name, 0) !== 0;

const product: ShapeRule = (operands) => {
  const left = operands.required(0);
  const right = operands.required(1);
  if (left.shape.length < 2 || right.shape.length < 2) operands.fail("both operands must be matrices");
  const matrix = (shape: readonly number[], transposed: boolean): [number, number] => {
    const [rows, columns] = shape.slice(-2) as [number, number];
    return transposed ? [columns, rows] : [rows, columns];
  };
  const [rows, inner] = matrix(left.shape, isTransposed(operands, "transA"));
  const [innerRight, columns] = matrix(right.shape, isTransposed(operands, "transB"));
  if (inner !== innerRight) operands.fail(`inner sizes ${inner} and ${innerRight} differ`);
  const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  return [{ dtype: left.dtype, shape: [...(batch ?? operands.fail("batches don't broadcast")), rows, columns] }];
};

/** C = s·A·B. dA = s·dC·Bᵀ, dB = s·Aᵀ·dC; for a transposed operand the factors swap. Summed over broadcast batches. */
const gradient: GradientRule = (node, [dy], wanted) => {
  if (!dy) return [];
  const [a, b] = node.inputs as [Value, Value];
  const [transA, transB] = [isTransposed(node, "transA"), isTransposed(node, "transB")];
  const scale = floatOr(node.attributes, "alpha", 1);
  const da = () =>
    transA
      ? matMul(b, dy, { transposeLeft: transB, transposeRight: true, scale })
      : matMul(dy, b, { transposeRight: !transB, scale });
  const db = () =>
    transB
      ? matMul(dy, a, { transposeLeft: true, transposeRight: transA, scale })
      : matMul(a, dy, { transposeLeft: !transA, scale });
  return [wanted[0] ? unbroadcast(da(), a.shape) : undefined, wanted[1] ? unbroadcast(db(), b.shape) : undefined];
};

const cost: CostRule = {
  ofWeights: false,
  multiplyAccumulates: (node) => {
    const inner = (node.inputs[0] as Value).shape.at(isTransposed(node, "transA") ? -2 : -1);
    return elements((node.outputs[0] as Value).shape) * (inner as number);
  },
};

export const MatMul = operator("MatMul", { shape: product, gradient, cost, learned: [0, 1] });

/** ONNX Runtime's product of operands that are transposed first, with a factor. */
export const FusedMatMul = operator("FusedMatMul", {
  domain: "com.microsoft",
  shape: (operands) => {
    const odd = ["transBatchA", "transBatchB"].find((name) => intOr(operands.attributes, name, 0) !== 0);
    if (odd) operands.fail(`${odd} is not supported`);
    return product(operands);
  },
  gradient,
  cost,
});

export const Gemm = operator("Gemm", {
  shape: (operands) => {
    for (const index of [0, 1]) operands.ranked(index, 2);
    return product(operands);
  },
  cost,
});

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
  if (!transposeLeft && !transposeRight && scale === 1) return single(MatMul, [left, right]);
  const attributes = { transA: int(transposeLeft ? 1 : 0), transB: int(transposeRight ? 1 : 0), alpha: float(scale) };
  return single(FusedMatMul, [left, right], attributes);
}
