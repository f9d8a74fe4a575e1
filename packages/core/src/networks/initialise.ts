import type { Shape } from "../graph/index.js";
import { elements } from "../graph/index.js";
import type { ParameterShapes } from "./parameters.js";

/** Slopes of PReLU begin at this, as in PyTorch. */
const SLOPE = 0.25;

/**
 * Random parameters to train from: weights and biases uniform in ±1/√fan_in, PyTorch's default for convolutions (He et al. 2015
 * with a = √5), slopes [C, 1, 1] as PyTorch's.
 * @param random uniform numbers in [0, 1)
 */
export function initialParameters(
  shapes: ParameterShapes,
  random: () => number,
): Map<string, { shape: Shape; data: Float32Array }> {
  return new Map(
    [...shapes].map(([name, shape]) => {
      if (shape.length === 3) return [name, { shape, data: new Float32Array(elements(shape)).fill(SLOPE) }];
      const weight = shapes.get(name.replace(/\.bias$/, ".weight")) ?? shape;
      const bound = 1 / Math.sqrt(elements(weight.slice(1)));
      const data = Float32Array.from({ length: elements(shape) }, () => (2 * random() - 1) * bound);
      return [name, { shape, data }];
    }),
  );
}
