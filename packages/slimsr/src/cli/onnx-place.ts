import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { isOnnxFile } from "@slimsr/core/internal/formats/model-file.js";

/**
 * Where a command that writes ONNX alone may write what it makes of a model.
 * @param others what writes other formats
 * @throws UsageError for another ending, the model's own place, or a file that is there, unless `force`
 */
export function requireOnnxPlace(
  out: string,
  model: string,
  { force = false, others }: { force?: boolean | undefined; others?: string },
): void {
  if (!isOnnxFile(out)) {
    throw new UsageError(`${out} doesn't end in .onnx, which is what is written${others ? `; ${others}` : ""}`);
  }
  if (resolve(out) === resolve(model)) {
    throw new UsageError(`${out} is the model, which would be lost; name another with --out`);
  }
  if (!force && existsSync(out)) throw new UsageError(`${out} exists; give --force to replace it`);
}
