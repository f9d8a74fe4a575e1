import { readFile } from "node:fs/promises";
import { RunError } from "@slimsr/core/internal/errors.js";
import * as z from "zod";
import { fromJson } from "../files/json.js";
import { systemReason } from "../files/system-reason.js";

/**
 * What a JSON file of a run's folder holds; undefined where there is no file.
 * @param mend what to do where it is damaged
 * @throws RunError where it is not JSON or not what it should be
 */
export async function readJsonFile<T>(file: string, schema: z.ZodType<T>, mend: string): Promise<T | undefined> {
  const damaged = (reason: string) => new RunError(`${file} is damaged: ${reason}; ${mend}`);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw damaged(systemReason(error));
  });
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw damaged(`${issue?.path.join(".") || "the whole"} is not what it should be (${issue?.message})`);
}

/** Decibels; of identical images there are infinitely many. */
export const psnrSchema = z.union([z.number(), z.literal(Number.POSITIVE_INFINITY)]);

/** Undefined where a text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return fromJson(text);
  } catch {
    return undefined;
  }
}
