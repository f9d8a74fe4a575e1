import type { EvaluationRow } from "../evaluation/evaluate.js";
import { evaluationNotes } from "../evaluation/evaluation-table.js";

/** What a reader of figures must know, on standard error: it doesn't mix with what a program reads. */
export function writeNotes(rows: readonly EvaluationRow[]): void {
  for (const note of evaluationNotes(rows)) process.stderr.write(`note: ${note}\n`);
}
