import type { Value } from "../graph/index.js";
import { add, cast, div, mul, pow, sqrt, sub } from "../operators/index.js";

export interface AdamOptions {
  beta1: number;
  beta2: number;
  epsilon: number;
}

export const ADAM_DEFAULTS: AdamOptions = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

export interface AdamState {
  parameters: Value;
  /** Running means of the gradient and of its square. */
  first: Value;
  second: Value;
}

/**
 * Adam (Kingma & Ba 2015, algorithm 1): m ← β₁m + (1 − β₁)g, v ← β₂v + (1 − β₂)g²,
 * p ← p − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε).
 * `learningRate` and `step` t = 1, 2, … are scalars.
 */
export function adam(
  state: AdamState,
  gradient: Value,
  learningRate: Value,
  step: Value,
  { beta1, beta2, epsilon }: AdamOptions,
): AdamState {
  const first = add(mul(state.first, beta1), mul(gradient, 1 - beta1));
  const second = add(mul(state.second, beta2), mul(mul(gradient, gradient), 1 - beta2));
  const rate = div(learningRate, biasCorrection(step, beta1));
  const root = sqrt(biasCorrection(step, beta2));
  const update = div(first, add(div(sqrt(second), root), epsilon));
  return { parameters: sub(state.parameters, mul(update, rate)), first, second };
}

/** 1 − βᵗ, in double precision: near t = 1 its digits would cancel in single. */
function biasCorrection(step: Value, beta: number): Value {
  const { graph } = step;
  const double = (number: number) => graph.constant(Float64Array.of(number), []);
  return cast(sub(double(1), pow(double(beta), cast(step, "float64"))), "float32");
}
