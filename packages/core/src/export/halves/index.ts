import type { Graph } from "../../graph/index.js";
import { mul } from "../../operators/index.js";
import { foldConstants } from "../fold.js";
import { inHalfPrecision } from "./half-precision.js";
import { scaledWithin } from "./unit-range.js";

/**
 * A network in half precision, whose images stay in single precision and in their range. Inside, pixel values go up to 1: half precision
 * ends at 65504, and sums of products of 255 and weights come near.
 * @throws NetworkError where a weight is too large
 */
export function inHalves(source: Graph, range: 255 | 1): Graph {
  if (range === 1) return inHalfPrecision(source, same, same);
  const unit = foldConstants(scaledWithin(source, 1 / range));
  return inHalfPrecision(
    unit,
    (x) => mul(x, 1 / range),
    (y) => mul(y, range),
  );
}

const same = <T>(value: T): T => value;
