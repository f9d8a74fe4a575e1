import type { Shape } from "../graph/index.js";
import { elements } from "../graph/index.js";
import type { ParameterShapes } from "./parameters.js";

/**
 * Random parameters to train from: weights and biases uniform in ±1/√fan_in, PyTorch's default for convolutions (He et al. 2015
 * with a = √5).
 * @param random uniform numbers in [0, 1)
 */
export function initialParameters(
  shapes: ParameterShapes,
  random: () => number,
): Map<string, { shape: Shape; data: Float32Array }> {
  return new Map(
    [...shapes].map(([name, shape]) => {
      const weight = shapes.get(name.replace(/\.bias$/, ".weight")) ?? shape;
      const bound = 1 / Math.sqrt(elements(weight.slice(1)));
      const data = Float32Array.from({ length: elements(shape) }, () => (2 * random() - 1) * bound);
      return [name, { shape, data }];
    }),
  );
}
