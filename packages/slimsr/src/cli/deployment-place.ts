import { existsSync } from "node:fs";
import { extname, resolve } from "node:path";
import { UsageError } from "@slimsr/core/internal/errors.js";

/**
 * Where a command that writes networks as they are deployed may write what it makes of a model.
 * @param endings of the formats that it writes
 * @param others what writes other formats
 * @throws UsageError for another ending, the model's own place, or a file that is there, unless `force`
 */
export function requireDeploymentPlace(
  out: string,
  model: string,
  { endings, force = false, others }: { endings: readonly string[]; force?: boolean | undefined; others?: string },
): void {
  if (!endings.includes(extname(out).toLowerCase())) {
    throw new UsageError(
      `${out} doesn't end in ${endings.join(" or ")}, which is what is written${others ? `; ${others}` : ""}`,
    );
  }
  if (resolve(out) === resolve(model)) {
    throw new UsageError(`${out} is the model, which would be lost; name another with --out`);
  }
  if (!force && existsSync(out)) throw new UsageError(`${out} exists; give --force to replace it`);
}
