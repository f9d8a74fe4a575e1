import type { Model } from "@slimsr/core/internal/model/model.js";
import type { Parameters } from "@slimsr/core/internal/networks/index.js";
import { type Contender, contender } from "../evaluation/contender.js";
import type { EvaluationRow } from "../evaluation/evaluate.js";
import { isShared, studentOf } from "../training/learners.js";
import type { Run } from "./open.js";

/** What a student is called in tables and file names. */
export const studentLabel = (width: number): string => `student-w${width}`;

/** What the teacher as it came is called in tables. */
export const TEACHER_BEFORE = "teacher before";

/** PSNR of a trained teacher on each set, before and after; none where it wasn't trained, or PSNR is infinite. */
export function teacherDrifts(
  rows: readonly Pick<EvaluationRow, "model" | "set" | "psnr">[],
): { set: string; before: number; after: number }[] {
  return rows.flatMap(({ model, set, psnr: after }) => {
    const before = rows.find((row) => row.set === set && row.model === TEACHER_BEFORE)?.psnr;
    return model === "teacher" && before !== undefined && Number.isFinite(after - before)
      ? [{ set, before, after }]
      : [];
  });
}

/**
 * The networks in a run's state, for evaluation: the teacher first where it is trained too, then the students by width.
 * @param students what is to be measured as these, where it isn't what was trained
 */
export function modelsOf(
  { options }: Run,
  learned: Parameters,
  students: readonly Model[] = options.widths.map((width) => studentOf(options, learned, width)),
): Contender[] {
  const whole = { ...options.model, parameters: learned };
  const teacher = isShared(options) ? [contender("teacher", 1, whole)] : [];
  return [...teacher, ...students.map((student, i) => contender("student", options.widths[i] as number, student))];
}
