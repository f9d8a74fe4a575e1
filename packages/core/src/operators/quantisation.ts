import {
  type EvaluationRule,
  elements,
  int,
  intOr,
  type Operands,
  type ShapeRule,
  type TensorData,
  type Value,
} from "../graph/index.js";
import { single } from "./apply.js";
import { operator } from "./declare.js";

/**
 * Numbers as integers: q = saturate(round(x / scale) + zeroPoint), halves to even, and x ≈ (q − zeroPoint) · scale. Scale and zero point
 * are one number, or one for each index along `axis`.
 */

const axisOf = (operands: Operands, rank: number): number => operands.axis(intOr(operands.attributes, "axis", 1), rank);

function checkScale(operands: Operands, { shape }: Value): void {
  const [scale, zeroPoint] = [operands.required(1), operands.inputs[2]];
  const count = elements(scale.shape);
  if (zeroPoint && elements(zeroPoint.shape) !== count) operands.fail("as many zero points as scales are needed");
  if (scale.shape.length > 1) operands.fail(`scale ${scale.name} must be one number, or one for each index of an axis`);
  if (count === 1) return;
  if (count !== shape[axisOf(operands, shape.length)]) operands.fail(`${count} scales don't run along the axis`);
}

const quantised: ShapeRule = (operands) => {
  const x = operands.required(0);
  checkScale(operands, x);
  return [{ dtype: operands.inputs[2]?.dtype ?? "uint8", shape: x.shape }];
};

const dequantised: ShapeRule = (operands) => {
  const x = operands.required(0);
  checkScale(operands, x);
  if (operands.inputs[2] && operands.inputs[2].dtype !== x.dtype) operands.fail("its zero point is of another type");
  return [{ dtype: operands.required(1).dtype, shape: x.shape }];
};

const dequantisedContent: EvaluationRule = ({ inputs, attributes, contents: [codes, scales, zeroPoints] }) => {
  const shape = inputs[0]?.shape ?? [];
  if (!isIntegers(codes) || !(scales instanceof Float32Array)) return [];
  if (zeroPoints && !isIntegers(zeroPoints)) return [];
  const axis = (intOr(attributes, "axis", 1) + shape.length) % Math.max(1, shape.length);
  const inner = elements(shape.slice(axis + 1));
  return [
    Float32Array.from(codes, (code, i) => {
      const at = scales.length === 1 ? 0 : Math.floor(i / inner) % scales.length;
      return (code - (zeroPoints?.[at] ?? 0)) * (scales[at] as number);
    }),
  ];
};

const isIntegers = (data: TensorData | undefined): data is Int8Array | Uint8Array | Int32Array =>
  data instanceof Int8Array || data instanceof Uint8Array || data instanceof Int32Array;

/** Networks are quantised last: neither is trained through, nor are its channels followed. */
export const QuantizeLinear = operator("QuantizeLinear", {
  shape: quantised,
  reach: (_, inputs) => inputs[0] ?? "all",
});

export const DequantizeLinear = operator("DequantizeLinear", {
  shape: dequantised,
  evaluate: dequantisedContent,
  reach: (_, inputs) => inputs[0] ?? "all",
});

/** Integers of the zero point's type. */
export const quantizeLinear = (x: Value, scale: Value, zeroPoint: Value): Value =>
  single(QuantizeLinear, [x, scale, zeroPoint]);

/** Numbers of integers; scales and zero points run along `axis` where there are several. */
export const dequantizeLinear = (x: Value, scale: Value, zeroPoint: Value, axis?: number): Value =>
  single(DequantizeLinear, [x, scale, zeroPoint], axis === undefined ? {} : { axis: int(axis) });
