import { join } from "node:path";
import * as z from "zod";
import type { EvaluationRow } from "../evaluation/evaluate.js";
import { evaluationJson } from "../evaluation/evaluation-table.js";
import { psnrSchema, readJsonFile } from "./json-file.js";
import { type Settings, settingsSchema } from "./settings.js";
import { progressSchema, type RunProgress } from "./state.js";

const student = z.object({
  width: z.number(),
  files: z.array(z.string()),
  difference: z.number(),
  /** Channels that each group keeps, and what an output takes, where a budget and a time chose them. */
  channels: z.array(z.number()).exactOptional(),
  milliseconds: z.number().exactOptional(),
  /** Of its numbers, where it was trained with their rounding. */
  bits: z.object({ weights: z.number(), activations: z.number() }).exactOptional(),
});

/** A student as it was written, and how far its ONNX model's output is from the training network's, of 255. */
export type WrittenStudent = Readonly<z.infer<typeof student>>;

/** What came out of a run. */
export interface Outcome {
  /** Of the whole run, with the step of the best checkpoint. */
  readonly progress: RunProgress;
  readonly students: readonly WrittenStudent[];
  /** Bicubic, the teacher before and, where it was trained, after, and the students, on each test set. */
  readonly rows: readonly EvaluationRow[];
  /** Digests of what was measured on, set by set. */
  readonly sets: readonly string[];
  /** Bytes of each model's ONNX file, by its name in `rows`. */
  readonly bytes: Readonly<Record<string, number>>;
}

/** The file of a finished run's result. */
export const RESULT = "result.json";

const figure = z.number().nullable();

const resultSchema = z.object({
  run: z.string(),
  settings: settingsSchema,
  progress: progressSchema,
  students: z.array(student),
  bytes: z.record(z.string(), z.number()),
  sets: z.array(z.string()).exactOptional(),
  rows: z.array(
    z.object({
      ...{ model: z.string(), width: figure, set: z.string(), scale: z.number() },
      metric: z.string().exactOptional(),
      psnr: psnrSchema,
      ...{ ssim: z.number(), parameters: figure, macs: figure, msPerImage: figure },
    }),
  ),
});

/** A finished run's result. */
export type RunResult = z.infer<typeof resultSchema>;

/** As JSON holds it. */
export function resultOf(
  folder: string,
  settings: Settings,
  { progress, students, rows, sets, bytes }: Outcome,
): object {
  return { run: folder, settings, progress, students, bytes, sets, rows: evaluationJson(rows) };
}

/** The result of a folder's run; undefined where it isn't finished. @throws RunError where the file is damaged */
export const readResult = (folder: string): Promise<RunResult | undefined> =>
  readJsonFile(join(folder, RESULT), resultSchema, `remove it, and slimsr compress --resume ${folder} writes it anew`);
