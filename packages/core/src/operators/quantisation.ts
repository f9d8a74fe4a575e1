import {
  type EvaluationRule,
  elements,
  type GradientRule,
  int,
  intOr,
  type Node,
  type Operands,
  type ShapeRule,
  sameShape,
  type TensorData,
  text,
  textOr,
  type Value,
} from "../graph/index.js";
import { clip } from "./activations.js";
import { single } from "./apply.js";
import { add, div, mul, sub } from "./arithmetic.js";
import { equal, where } from "./comparisons.js";
import { elementwise, OWN_DOMAIN, operator } from "./declare.js";
import { ofPair } from "./evaluation.js";
import { unbroadcast } from "./gradient-rules.js";
import { reduceSum } from "./reductions.js";
import { reshape } from "./reshaping.js";
import { broadcastOperands } from "./shapes.js";

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

/** Integers are written last: neither is trained through, nor are its channels followed. */
export const QuantizeLinear = operator("QuantizeLinear", {
  shape: quantised,
  reach: (_, inputs) => inputs[0] ?? "all",
});

export const DequantizeLinear = operator("DequantizeLinear", {
  shape: dequantised,
  evaluate: dequantisedContent,
  reach: (_, inputs) => inputs[0] ?? "all",
});

/** What a fake quantisation rounds to, and how its scale learns. */
export interface FakeQuantisationOptions {
  /** The least and the largest integer, 0 among them or between. */
  readonly low: number;
  readonly high: number;
  /**
   * What the scale's gradient is made of. `rounding`: what is rounded and what is cut off (Esser et al. 2020, LSQ, eq. 3; of a range's end
   * α = high·s it is PAMS's); `clipping`: what is cut off alone (Choi et al. 2018, PACT, eq. 3); `none`: nothing.
   */
  readonly scaleGradient?: "rounding" | "clipping" | "none";
}

const boundsOf = ({ attributes }: Pick<Node, "attributes">): [low: number, high: number] => [
  intOr(attributes, "low", 0),
  intOr(attributes, "high", 0),
];

/**
 * y = s·round(clip(x/s, low, high)). Rounding counts as the identity (straight through): dx = dy where low ≤ x/s ≤ high, else 0. ds: y/s where
 * x is cut off, y/s − x/s where it is rounded, which is 0 where clipping alone counts.
 */
const fakeQuantisationGradient: GradientRule = (node, [dy], wanted) => {
  if (!dy) return [];
  const [x, scale] = node.inputs as [Value, Value];
  const y = node.outputs[0] as Value;
  const codes = div(x, scale);
  const inside = equal(clip(codes, ...boundsOf(node)), codes);
  const learns = textOr(node.attributes, "scale_gradient", "rounding");
  const slope = () => (learns === "clipping" ? where(inside, 0, y) : sub(y, where(inside, x, 0)));
  return [
    wanted[0] ? where(inside, dy, 0) : undefined,
    wanted[1] && learns !== "none" ? div(summed(mul(dy, slope()), scale), scale) : undefined,
  ];
};

const summed = (gradient: Value, { shape }: Value): Value =>
  elements(shape) === 1 ? reshape(reduceSum(gradient), shape) : unbroadcast(gradient, shape);

/** 1.5·2²³: between 2²³ and 2²⁴ single precision has whole numbers alone, so that what is added to it is rounded, halves to even. */
const WHOLE = 1.5 * 2 ** 23;

/**
 * Numbers rounded as a quantised network rounds them, and trained through (Jacob et al. 2018, section 3). The scale, above 0, broadcasts to the numbers: one
 * for all of an activation, one a filter of a weight.
 */
export const FakeQuantise = elementwise("FakeQuantise", {
  domain: OWN_DOMAIN,
  shape: (operands) => {
    const { dtype, shape } = operands.required(0);
    const [low, high] = boundsOf(operands);
    if (!(low <= 0 && high >= 0 && low < high))
      operands.fail(`integers from ${low} to ${high} don't hold 0 and another`);
    if (!sameShape(broadcastOperands(operands), shape)) operands.fail("the scale doesn't broadcast to the numbers");
    return [{ dtype, shape }];
  },
  evaluate: (evaluation) => {
    const [low, high] = boundsOf(evaluation);
    return ofPair((x, s) => {
      const code = Math.min(high, Math.max(low, Math.fround(x / s)));
      return Math.fround(Math.fround(code + WHOLE) - WHOLE) * s;
    })(evaluation);
  },
  gradient: fakeQuantisationGradient,
  channels: "permutation",
  // Of the engine's kernels that of Round runs on one thread, and WebGPU has none.
  decompose: (node, inputs) => {
    const [x, scale] = inputs as [Value, Value];
    return [mul(sub(add(clip(div(x, scale), ...boundsOf(node)), WHOLE), WHOLE), scale)];
  },
});

/** x as integers from `low` to `high` times the scale; see `FakeQuantise`. */
export const fakeQuantise = (
  x: Value,
  scale: Value,
  { low, high, scaleGradient = "rounding" }: FakeQuantisationOptions,
): Value => single(FakeQuantise, [x, scale], { low: int(low), high: int(high), scale_gradient: text(scaleGradient) });

/** Integers of the zero point's type. */
export const quantizeLinear = (x: Value, scale: Value, zeroPoint: Value): Value =>
  single(QuantizeLinear, [x, scale, zeroPoint]);

/** Numbers of integers; scales and zero points run along `axis` where there are several. */
export const dequantizeLinear = (x: Value, scale: Value, zeroPoint: Value, axis?: number): Value =>
  single(DequantizeLinear, [x, scale, zeroPoint], axis === undefined ? {} : { axis: int(axis) });
