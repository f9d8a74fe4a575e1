import { elements, type Value } from "../graph/index.js";
import { add, div, mul, reduceL1, reduceSum, reshape, slice, sub, sum } from "../operators/index.js";
import { l1 } from "./reconstruction.js";

/** Weights of the five taps (CSD, section 4.1). */
export const TAP_WEIGHTS = [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1] as const;

const EPSILON = 1e-7;

/**
 * `batch`: one ratio of means over the batch, as the published code computes it.
 * `sample`: the paper's formula, a ratio per sample, summed over the batch.
 */
export type RatioForm = "batch" | "sample";

export interface ContrastiveLoss {
  /** The weighted sum of the taps' ratios, a scalar. */
  loss: Value;
  /** Per tap: distance to the teacher, and sum of distances to the negatives; means over the batch. */
  positive: Value[];
  negative: Value[];
}

/**
 * Contrastive loss in feature space (CSD, eq. 3–4): Σ_j w_j · d(S_j, T_j) / (Σ_k d(S_j, N_jk) + 1e-7), d the mean absolute
 * difference. Features per tap: student and teacher [B, C, H, W]; negatives [K, C, H, W], each compared with every sample, or
 * [K·B, C, H, W], of which the first B are each sample's own first negative.
 * @param images of a negative: 1, or B
 */
export function contrastiveLoss(
  student: readonly Value[],
  teacher: readonly Value[],
  negatives: readonly Value[],
  form: RatioForm,
  weights: readonly number[] = TAP_WEIGHTS,
  images = 1,
): ContrastiveLoss {
  const taps = student.map((features, j) => {
    const others = negatives[j] as Value;
    const each = Array.from({ length: (others.shape[0] as number) / images }, (_, k) =>
      slice(others, [{ axis: 0, start: k * images, end: (k + 1) * images }]),
    );
    const distance = form === "batch" ? l1 : l1PerSample;
    const positive = distance(features, teacher[j] as Value);
    const negative = sum(each.map((other) => distance(features, other)));
    return { positive, negative, ratio: div(positive, add(negative, EPSILON)) };
  });
  const total = (value: Value) => (value.shape.length === 0 ? value : reduceSum(value));
  const mean = (value: Value) => mul(total(value), 1 / elements(value.shape));
  return {
    loss: sum(taps.map(({ ratio }, j) => mul(total(ratio), weights[j] as number))),
    positive: taps.map(({ positive }) => mean(positive)),
    negative: taps.map(({ negative }) => mean(negative)),
  };
}

/** Mean absolute difference of each sample, [B]. */
function l1PerSample(a: Value, b: Value): Value {
  const difference = sub(a, b);
  const batch = difference.shape[0] as number;
  const size = elements(difference.shape) / batch;
  return mul(reduceL1(reshape(difference, [batch, size]), { axes: [1] }), 1 / size);
}
