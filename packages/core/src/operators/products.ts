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
  type Shape,
  type ShapeRule,
  sameShape,
  showShape,
  textOr,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { mul } from "./arithmetic.js";
import { operator } from "./declare.js";
import { unbroadcast } from "./gradient-rules.js";
import { reshape } from "./reshaping.js";
import { broadcastShapes } from "./shapes.js";

/** Whether an operand's last two axes are swapped first; MatMul has no such attributes. */
const isTransposed = ({ attributes }: Node | Operands, name: "transA" | "transB"): boolean =>
  intOr(attributes, name, 0) !== 0;

const product: ShapeRule = (operands) => {
  const [left, right] = [operands.required(0), operands.required(1)];
  if (left.shape.length < 2 || right.shape.length < 2) operands.fail("both operands must be matrices");
  return [{ dtype: left.dtype, shape: productShape(operands, left.shape, right.shape) }];
};

function productShape(operands: Operands, left: Shape, right: Shape): number[] {
  const matrix = (shape: Shape, transposed: boolean): [number, number] => {
    const [rows, columns] = shape.slice(-2) as [number, number];
    return transposed ? [columns, rows] : [rows, columns];
  };
  const [rows, inner] = matrix(left, isTransposed(operands, "transA"));
  const [innerRight, columns] = matrix(right, isTransposed(operands, "transB"));
  if (inner !== innerRight) operands.fail(`inner sizes ${inner} and ${innerRight} differ`);
  const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
  return [...(batch ?? operands.fail("batches don't broadcast")), rows, columns];
}

/** A vector as the row or the column that a product takes it for; other shapes as they are. */
const asRow = (shape: Shape): Shape => (shape.length === 1 ? [1, ...shape] : shape);
const asColumn = (shape: Shape): Shape => (shape.length === 1 ? [...shape, 1] : shape);

/** A vector on the left is a row and one on the right a column, whose axis of 1 the product leaves out. */
const productOfVectors: ShapeRule = (operands) => {
  const [left, right] = [operands.required(0), operands.required(1)];
  if (left.shape.length === 0 || right.shape.length === 0) operands.fail("an operand is a scalar");
  const whole = productShape(operands, asRow(left.shape), asColumn(right.shape));
  const [rows, columns] = [whole.length - 2, whole.length - 1];
  const left1 = left.shape.length === 1;
  const right1 = right.shape.length === 1;
  return [{ dtype: left.dtype, shape: whole.filter((_, i) => !(left1 && i === rows) && !(right1 && i === columns)) }];
};

/** C = s·A·B. dA = s·dC·Bᵀ, dB = s·Aᵀ·dC; for a transposed operand the factors swap. Summed over broadcast batches. */
const gradient: GradientRule = (node, [dy], wanted) => {
  if (!dy) return [];
  const [left, right] = node.inputs as [Value, Value];
  const [a, b] = [reshape(left, asRow(left.shape)), reshape(right, asColumn(right.shape))];
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2)) as number[];
  const [transA, transB] = [isTransposed(node, "transA"), isTransposed(node, "transB")];
  const g = reshape(dy, [...batch, a.shape.at(transA ? -1 : -2) as number, b.shape.at(transB ? -2 : -1) as number]);
  const scale = floatOr(node.attributes, "alpha", 1);
  const da = () =>
    transA
      ? matMul(b, g, { transposeLeft: transB, transposeRight: true, scale })
      : matMul(g, b, { transposeRight: !transB, scale });
  const db = () =>
    transB
      ? matMul(g, a, { transposeLeft: true, transposeRight: transA, scale })
      : matMul(a, g, { transposeLeft: !transA, scale });
  return [
    wanted[0] ? reshape(unbroadcast(da(), a.shape), left.shape) : undefined,
    wanted[1] ? reshape(unbroadcast(db(), b.shape), right.shape) : undefined,
  ];
};

const cost: CostRule = {
  ofWeights: false,
  multiplyAccumulates: (node) => {
    const inner = (node.inputs[0] as Value).shape.at(isTransposed(node, "transA") ? -2 : -1);
    return elements((node.outputs[0] as Value).shape) * (inner as number);
  },
};

export const MatMul = operator("MatMul", { shape: productOfVectors, gradient, cost, learned: [0, 1] });

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

/** α·A·B + β·C, of matrices. */
export const Gemm = operator("Gemm", {
  shape: (operands) => {
    for (const index of [0, 1]) operands.ranked(index, 2);
    const types = product(operands);
    const offset = operands.inputs[2];
    const shape = types[0]?.shape ?? [];
    if (offset && !sameShape(broadcastShapes(offset.shape, shape) ?? [], shape)) {
      operands.fail(`${offset.name} doesn't broadcast to ${showShape(shape)}`);
    }
    return types;
  },
  gradient: (node, gradients, wanted) => {
    const [dy] = gradients;
    const offset = node.inputs[2];
    const scaled = (beta: number) => (beta === 1 ? (dy as Value) : mul(dy as Value, beta));
    return [
      ...gradient(node, gradients, wanted),
      dy && offset && wanted[2] ? unbroadcast(scaled(floatOr(node.attributes, "beta", 1)), offset.shape) : undefined,
    ];
  },
  cost: { ...cost, ofWeights: true },
  learned: [0, 1, 2],
});

/** What an Einsum's equation names along each axis: "ij,jk->ik". */
interface Equation {
  readonly operands: readonly string[];
  readonly output: string;
}

/** Undefined for equations with "…" and for such as aren't well formed. */
function equationOf({ attributes }: Pick<Node, "attributes">): Equation | undefined {
  const [left = "", stated] = textOr(attributes, "equation", "").replace(/\s/g, "").split("->");
  const operands = left.split(",");
  if (![...operands, stated ?? ""].every((letters) => /^[a-zA-Z]*$/.test(letters))) return undefined;
  const all = operands.join("");
  // Left out, it is of the letters that occur once, in their order.
  const once = [...all].filter((letter) => all.indexOf(letter) === all.lastIndexOf(letter)).sort();
  return { operands, output: stated ?? once.join("") };
}

/** The size that each letter stands for; undefined where operands don't fit the equation. */
function sizesOf({ operands }: Equation, inputs: readonly (Value | undefined)[]): Map<string, number> | undefined {
  const sizes = new Map<string, number>();
  const fit = operands.every((letters, i) => {
    const shape = inputs[i]?.shape ?? [];
    return (
      letters.length === shape.length &&
      [...letters].every((letter, axis) => {
        const size = shape[axis] as number;
        const known = sizes.get(letter) ?? size;
        sizes.set(letter, known);
        return known === size;
      })
    );
  });
  return fit && operands.length === inputs.length ? sizes : undefined;
}

export const Einsum = operator("Einsum", {
  shape: (operands) => {
    const { dtype } = operands.required(0);
    const equation =
      equationOf(operands) ??
      operands.fail(`equation ${textOr(operands.attributes, "equation", "")} is not supported: name every axis`);
    const sizes = sizesOf(equation, operands.inputs) ?? operands.fail("shapes don't fit its equation");
    const shape = [...equation.output].map((letter) => sizes.get(letter) ?? operands.fail(`no operand has ${letter}`));
    return [{ dtype, shape }];
  },
  cost: {
    ofWeights: false,
    multiplyAccumulates: (node) => {
      const equation = equationOf(node);
      return elements([...((equation && sizesOf(equation, node.inputs)) ?? new Map<string, number>()).values()]);
    },
  },
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
