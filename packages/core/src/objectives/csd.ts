import { UsageError } from "../errors.js";
import type { Value } from "../graph/index.js";
import { concat, detach, mul, slice, sum } from "../operators/index.js";
import { attentionLoss } from "./attention.js";
import { type ContrastiveLoss, contrastiveLoss, type RatioForm } from "./contrastive.js";
import { l1 } from "./reconstruction.js";

export interface ContrastiveOptions {
  /** Features that are compared, of images in 0..255. */
  features: (images: Value) => Value[];
  /** What each feature weighs. */
  weights: readonly number[];
  /** Images in 0..255 whose features are made in the step: [K, 3, H, W], or each contrasted sample's own, as `contrastiveLoss` has them. */
  negatives: Value;
  /** Images of a negative: 1, or `contrasted`. */
  imagesOfNegative: number;
  /** All negatives' features, of those that are made in the step: with those that were kept. */
  withKept?: (features: readonly Value[]) => readonly Value[];
  /** Samples of the batch, from the first, that are contrasted. */
  contrasted: number;
  ratio: RatioForm;
  /** Whether the teacher's features carry no gradient, as published. */
  detachTeacher: boolean;
}

export interface CsdInputs {
  hr: Value;
  /** Absent where students learn from the truth alone. */
  teacher?: Value;
  /** What pixels weigh in L1(S, HR), L1(T, HR) and L1(S, T): [1, 1, H, W], of mean 1; all the same where left out. */
  pixelWeights?: Value;
  /** One image per width that is trained in this step. */
  students: readonly Value[];
  /** Scalar λ_T, where the teacher is trained as well. */
  teacherWeight?: Value;
  /** Scalar λ_D, where students also learn the teacher's output. */
  distillationWeight?: Value;
  /** With the scalar λ_A: what the trained teacher gave before training, to which it is held, and which students then learn. */
  anchor?: { weight: Value; image: Value };
  /** With `distillationWeight`: the image that students learn in place of the teacher's. */
  tutor?: Value;
  /** With the scalar λ_S: the last features of the teacher and of each student, [B, C, h, w] of any C. */
  attention?: { weight: Value; teacher: Value; students: readonly Value[] };
  /** With the scalar λ_C: the contrastive loss. */
  contrastive?: ContrastiveOptions & { weight: Value };
}

export interface StudentLoss {
  l1: Value;
  /** L1(S, T). */
  distillation?: Value;
  /** Structured knowledge transfer. */
  attention?: Value;
  contrastive?: ContrastiveLoss;
}

export interface CsdLoss {
  loss: Value;
  teacherL1?: Value;
  /** L1(T, T₀). */
  anchorL1?: Value;
  students: StudentLoss[];
  negatives?: Value;
}

/**
 * Contrastive self-distillation (CSD, eq. 5): Σ over students of L1(S, HR) + λ_C·contrastive(S; T, negatives), + λ_T·L1(T, HR).
 * Images are [B, 3, H, W] in 0..255. Without the contrastive loss it is joint training (J-T1). λ_D·L1(S, T), plain distillation of
 * the teacher's output or of a tutor's, and λ_A·L1(T, T₀), which keeps a trained teacher near its output before training, T₀, are terms of our own;
 * through the former the teacher gets no gradient. λ_S·attention(S, T) is PAMS's.
 * @throws UsageError where a term needs a teacher and there is none
 */
export function csdLoss(inputs: CsdInputs): CsdLoss {
  const { hr, students, teacherWeight, distillationWeight, anchor, tutor, attention, contrastive, pixelWeights } =
    inputs;
  const teacher = teacherOf(inputs);
  const contrast = contrastive && against(teacher(), contrastive);
  const target = distillationWeight && (tutor ?? anchor?.image ?? detach(teacher()));
  const terms = students.map((student, i): StudentLoss => {
    const contrastiveTerm = contrast?.loss(student);
    return {
      l1: l1(student, hr, pixelWeights),
      ...(target && { distillation: l1(student, target, pixelWeights) }),
      ...(attention && { attention: attentionLoss(attention.students[i] as Value, detach(attention.teacher)) }),
      ...(contrastiveTerm && { contrastive: contrastiveTerm }),
    };
  });
  const weighted = terms.flatMap(({ l1, distillation, attention: attentionTerm, contrastive: contrastiveTerm }) => [
    l1,
    ...(distillation && distillationWeight ? [mul(distillationWeight, distillation)] : []),
    ...(attentionTerm && attention ? [mul(attention.weight, attentionTerm)] : []),
    ...(contrastiveTerm && contrastive ? [mul(contrastive.weight, contrastiveTerm.loss)] : []),
  ]);
  const teacherL1 = teacherWeight && l1(teacher(), hr, pixelWeights);
  const anchorL1 = anchor && l1(teacher(), anchor.image);
  return {
    loss: sum([
      ...weighted,
      ...(teacherL1 && teacherWeight ? [mul(teacherWeight, teacherL1)] : []),
      ...(anchorL1 && anchor ? [mul(anchor.weight, anchorL1)] : []),
    ]),
    ...(teacherL1 && { teacherL1 }),
    ...(anchorL1 && { anchorL1 }),
    students: terms,
    ...(contrast && { negatives: contrast.negatives }),
  };
}

const teacherOf =
  ({ teacher }: CsdInputs) =>
  (): Value => {
    if (!teacher) throw new UsageError("distillation and the contrastive loss need a teacher");
    return teacher;
  };

/** The teacher's and the negatives' features, made once in one batch, and the loss of a student against them. */
function against(teacher: Value, options: ContrastiveOptions) {
  const { features, weights, negatives, imagesOfNegative, withKept, contrasted, ratio, detachTeacher } = options;
  const first = (images: Value, count: number) =>
    count === images.shape[0] ? images : slice(images, [{ axis: 0, start: 0, end: count }]);
  const target = first(teacher, contrasted);
  const fixed = features(concat([detachTeacher ? detach(target) : target, negatives], 0));
  const positive = fixed.map((tap) => first(tap, contrasted));
  const made = fixed.map((tap) => slice(tap, [{ axis: 0, start: contrasted, end: tap.shape[0] as number }]));
  const negative = withKept ? withKept(made) : made;
  return {
    negatives,
    loss: (student: Value) =>
      contrastiveLoss(features(first(student, contrasted)), positive, negative, ratio, weights, imagesOfNegative),
  };
}
