import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import { narrowed } from "@slimsr/core/internal/model/split.js";
import { loadModelFile } from "../files/models.js";

/**
 * The network in a file at one of the widths that it was trained for.
 * @param quality share of every layer's channels; the widest where left out
 * @throws UsageError for another, naming those that the file says; as `loadModel`
 */
export async function atQuality(file: string, overrides: Overrides, quality: number | undefined): Promise<Model> {
  const { model, widths } = await loadModelFile(file, overrides);
  if (quality === undefined) return model;
  if (model.descriptor.origin.kind === "onnx") {
    throw new UsageError(
      `${file} holds a graph of one width; leave --quality out, or make a narrower one by slimsr slim`,
    );
  }
  const [widest, ...narrower] = widths;
  if (quality === widest) return model;
  if (narrower.includes(quality)) return narrowed(model, quality);
  throw new UsageError(
    narrower.length === 0
      ? `${file} says of no widths that it was made for besides ${widest}; leave --quality out, or make a narrower network by slimsr slim`
      : `${file} was made for quality ${either(widths)}, not ${quality}`,
  );
}

const either = (widths: readonly number[]): string =>
  new Intl.ListFormat("en-GB", { type: "disjunction" }).format(widths.map(String));
