import { CheckpointError, SlimsrError } from "@slimsr/core/internal/errors.js";
import { importedModel, type Model } from "@slimsr/core/internal/model/model.js";
import type { Parameters } from "@slimsr/core/internal/networks/index.js";
import { readOnnx } from "@slimsr/core/internal/onnx/index.js";
import { readBytes } from "../files/checkpoints.js";

export const isOnnxFile = (file: string): boolean => /\.onnx$/i.test(file);

/**
 * Someone's ONNX model of one image to another, with its parameters.
 * @throws CheckpointError where it can't be read or its channels can't be followed
 */
export async function loadImportedModel(file: string): Promise<{ model: Model; parameters: Parameters }> {
  const bytes = await readBytes(file);
  try {
    return importedModel(readOnnx(bytes, { sizes: openSizes }).graph);
  } catch (error) {
    if (!(error instanceof SlimsrError)) throw error;
    throw new CheckpointError(`${file}: ${error.message}`, { cause: error });
  }
}

/** Sizes for an imported model's open axes, whatever they are called: enough to follow its channels. */
const openSizes: Readonly<Record<string, number>> = new Proxy<Record<string, number>>(
  {},
  { get: (_, name) => (/batch|^n$/i.test(String(name)) ? 1 : 16) },
);
