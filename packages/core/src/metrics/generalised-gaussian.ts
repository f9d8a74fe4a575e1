import { gamma } from "./gamma.js";

/**
 * The asymmetric generalised Gaussian of Mittal et al. 2013, eq. 4, with density ∝ exp(−(−x/left)^shape) for x < 0 and
 * exp(−(x/right)^shape) for x ≥ 0.
 */
export interface GeneralisedGaussian {
  readonly shape: number;
  readonly left: number;
  readonly right: number;
}

const SHAPES = 9801;
const shapeAt = (i: number): number => 0.2 + i / 1000;

/** Γ(2/a)² / (Γ(1/a) Γ(3/a)) of shape a: it grows with a. */
const ratioOf = (a: number): number => gamma(2 / a) ** 2 / (gamma(1 / a) * gamma(3 / a));

/**
 * Fits by moments (Lasmar, Stitou and Berthoumieu 2009), the shape in steps of 0.001 within 0.2..10.
 * @returns NaN where there are no negative or no positive values
 */
export function fitGeneralisedGaussian(values: Float64Array): GeneralisedGaussian {
  let [negatives, negativeSquares, positives, positiveSquares, magnitudes] = [0, 0, 0, 0, 0];
  for (const value of values) {
    magnitudes += Math.abs(value);
    if (value < 0) {
      negatives++;
      negativeSquares += value * value;
    } else if (value > 0) {
      positives++;
      positiveSquares += value * value;
    }
  }
  const leftDeviation = Math.sqrt(negativeSquares / negatives);
  const rightDeviation = Math.sqrt(positiveSquares / positives);
  const skew = leftDeviation / rightDeviation;
  const flatness = (magnitudes / values.length) ** 2 / ((negativeSquares + positiveSquares) / values.length);
  const shape = shapeOfRatio((flatness * (skew ** 3 + 1) * (skew + 1)) / (skew ** 2 + 1) ** 2);
  const spread = Math.sqrt(gamma(1 / shape) / gamma(3 / shape));
  return { shape, left: leftDeviation * spread, right: rightDeviation * spread };
}

/** (right − left) Γ(2/shape) / Γ(1/shape), the mean of the distribution, eq. 8. */
export function meanOfProducts({ shape, left, right }: GeneralisedGaussian): number {
  return (right - left) * (gamma(2 / shape) / gamma(1 / shape));
}

/** The shape whose ratio is nearest. */
function shapeOfRatio(ratio: number): number {
  if (Number.isNaN(ratio)) return Number.NaN;
  let low = 0;
  let high = SHAPES - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ratioOf(shapeAt(middle)) < ratio) low = middle;
    else high = middle;
  }
  const distance = (i: number) => Math.abs(ratioOf(shapeAt(i)) - ratio);
  return shapeAt(distance(low) <= distance(high) ? low : high);
}
