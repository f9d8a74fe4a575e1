import type { Value } from "../graph/index.js";
import { type Border, shape4 } from "./geometry.js";
import { slice } from "./joining.js";
import { pad } from "./reshaping.js";

/** Zeros around the last two axes. */
export const around = (x: Value, [top, left, bottom, right]: Border): Value =>
  top + left + bottom + right === 0 ? x : pad(x, [0, 0, top, left, 0, 0, bottom, right]);

/** The last two axes reversed. */
export const turned = (weight: Value): Value => {
  const [, , height, width] = shape4(weight);
  return slice(weight, [
    { axis: 2, start: height - 1, end: -height - 1, step: -1 },
    { axis: 3, start: width - 1, end: -width - 1, step: -1 },
  ]);
};
