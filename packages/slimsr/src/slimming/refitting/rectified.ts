import { floatOr, type Node, type Value } from "@slimsr/core/internal/graph/index.js";
import { type Parameters, required } from "@slimsr/core/internal/networks/index.js";
import {
  add,
  greater,
  LeakyRelu,
  mul,
  neg,
  PRelu,
  Relu,
  relu,
  sub,
  where,
} from "@slimsr/core/internal/operators/index.js";
import { float32, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";

/** What is left of a negative value behind a rectifier, as a factor: a number, or one for each of the student's channels. */
export type Slope = number | Tensor;

/**
 * The slope of the rectifiers that read a value, if they are all that do and are one and the same.
 * @param parameters the student's
 */
export function slopeBehind(readers: readonly Node[], parameters: Parameters): Slope | undefined {
  const [first, ...others] = readers;
  if (!first || others.some((other) => keyOf(other) !== keyOf(first))) return undefined;
  if (first.operator === Relu) return 0;
  if (first.operator === LeakyRelu) return floatOr(first.attributes, "alpha", 0.01);
  const slope = first.operator === PRelu ? first.inputs[1] : undefined;
  if (!slope || !parameters.has(slope.name)) return undefined;
  const { data, shape } = required(parameters, slope.name);
  return float32(data, shape);
}

const keyOf = ({ operator, attributes, inputs }: Node): string =>
  [operator.name, JSON.stringify(attributes), inputs[1]?.name].join();

/**
 * What a value before a rectifier r of slope s is to become, of the student's own value and the ideal one, for r(own) to come near
 * r(ideal): where that is positive, the ideal value. Elsewhere errors count s as much, or nothing behind a ReLU. A step of majorise
 * and minimise on (r(own) − r(ideal))², whose curvature is at most 2, goes from an own value above 0 to s · ideal, from one below
 * to own + s² · (ideal − own).
 */
export function passedBy(slope: Slope, ideal: Value, own: Value, feed: (tensor: Tensor) => Value): Value {
  if (slope === 0) return where(greater(ideal, 0), ideal, neg(relu(neg(own))));
  const s = typeof slope === "number" ? slope : feed(slope);
  const below = add(own, mul(mul(sub(ideal, own), s), s));
  return where(greater(ideal, 0), ideal, where(greater(own, 0), mul(ideal, s), below));
}
