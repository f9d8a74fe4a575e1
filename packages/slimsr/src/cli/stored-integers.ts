import { UsageError } from "@slimsr/core/internal/errors.js";
import { weightBits } from "@slimsr/core/internal/export/weight-bits.js";
import { isOnnxFile, quantisedFile, storedOnnx } from "@slimsr/core/internal/formats/model-file.js";
import { namingFile } from "@slimsr/core/internal/formats/naming-file.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { readPermitted } from "@slimsr/core/internal/onnx/permitted.js";
import { isQuantised, requireFloat } from "@slimsr/core/internal/quantisation/quantisable.js";
import { readWhole, writeBytes } from "../files/models.js";
import { flagOf } from "../text/expectation.js";

/** What is told of a quantised network's file that was written in another format. */
export interface StoredIntegers {
  /** Of weights, where these are integers. */
  readonly bits?: number;
  readonly bytes: { readonly before: number; readonly after: number };
}

/**
 * Writes a quantised network in the other format that holds it, of the same integers: a .safetensors as .onnx, or the other way round.
 * @param model as it was read from the file
 * @param changes options that would make another network of it, those that weren't given undefined
 * @returns undefined where the network is in float
 * @throws NetworkError where it is quantised and the format the same; UsageError for changes
 */
export async function writeStoredIntegers(
  file: string,
  out: string,
  model: Model,
  changes: Readonly<Record<string, unknown>>,
): Promise<StoredIntegers | undefined> {
  if (!isQuantised(model)) return undefined;
  const whole = await readWhole(file);
  const onnx = storedOnnx(whole, file);
  if (!onnx || isOnnxFile(file) === isOnnxFile(out)) {
    requireFloat(model);
    return undefined;
  }
  const [change] = Object.entries(changes).filter(([, value]) => value !== undefined);
  if (change) {
    throw new UsageError(`${file} is quantised, and is written as it is; leave ${flagOf(change[0])} out`);
  }
  const [written, bits] = namingFile(file, () => [quantisedFile(onnx, out), weightBits(readPermitted(onnx).graph)]);
  await writeBytes(out, written);
  return { ...(bits !== undefined && { bits }), bytes: { before: whole.length, after: written.length } };
}
