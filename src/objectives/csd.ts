import { add, concat, detach, gather, mul, slice, sum, type Value } from "../graph/index.js";
import { type ContrastiveLoss, contrastiveLoss, type RatioForm } from "./contrastive.js";
import { bicubicNegatives } from "./negatives.js";
import { l1 } from "./reconstruction.js";

export interface ContrastiveOptions {
  /** Features at VGG19's taps of images in 0..255. */
  features: (images: Value) => Value[];
  /** Indices [K] into the batch: the LR patches that, upsampled, are the negatives. */
  negatives: Value;
  /** Samples of the batch, from the first, that are contrasted. */
  contrasted: number;
  ratio: RatioForm;
  /** Whether the teacher's features carry no gradient, as published. */
  detachTeacher: boolean;
}

export interface CsdInputs {
  lr: Value;
  hr: Value;
  teacher: Value;
  /** One image per width that is trained in this step. */
  students: readonly Value[];
  scale: number;
  /** Scalars λ_T and λ_C. */
  teacherWeight: Value;
  contrastiveWeight: Value;
  contrastive?: ContrastiveOptions;
}

export interface CsdLoss {
  loss: Value;
  teacherL1: Value;
  students: { l1: Value; contrastive?: ContrastiveLoss }[];
  negatives?: Value;
}

/**
 * Contrastive self-distillation (CSD, eq. 5): Σ over students of L1(S, HR) + λ_C·contrastive(S; T, negatives), + λ_T·L1(T, HR).
 * Images are [B, 3, H, W] in 0..255. Without `contrastive` it is joint training (J-T1).
 */
export function csdLoss(inputs: CsdInputs): CsdLoss {
  const { hr, teacher, students, teacherWeight, contrastiveWeight } = inputs;
  const teacherL1 = l1(teacher, hr);
  const contrast = inputs.contrastive && against(inputs, inputs.contrastive);
  const terms = students.map((student) => {
    const contrastive = contrast?.loss(student);
    return { l1: l1(student, hr), ...(contrastive && { contrastive }) };
  });
  const studentLosses = terms.map(({ l1, contrastive }) =>
    contrastive ? add(l1, mul(contrastiveWeight, contrastive.loss)) : l1,
  );
  return {
    loss: sum([...studentLosses, mul(teacherWeight, teacherL1)]),
    teacherL1,
    students: terms,
    ...(contrast && { negatives: contrast.negatives }),
  };
}

/** The teacher's and the negatives' features, made once in one batch, and the loss of a student against them. */
function against({ lr, teacher, scale }: CsdInputs, options: ContrastiveOptions) {
  const { features, contrasted, ratio, detachTeacher } = options;
  const negatives = bicubicNegatives(gather(lr, options.negatives, 0), scale);
  const first = (images: Value, count: number) =>
    count === images.shape[0] ? images : slice(images, [{ axis: 0, start: 0, end: count }]);
  const target = first(teacher, contrasted);
  const fixed = features(concat([detachTeacher ? detach(target) : target, negatives], 0));
  const positive = fixed.map((tap) => first(tap, contrasted));
  const negative = fixed.map((tap) => slice(tap, [{ axis: 0, start: contrasted, end: tap.shape[0] as number }]));
  return {
    negatives,
    loss: (student: Value) => contrastiveLoss(features(first(student, contrasted)), positive, negative, ratio),
  };
}
