import type { Overrides } from "@slimsr/core/internal/checkpoints/overrides.js";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { requireChannels } from "@slimsr/core/internal/model/image-network.js";
import { type Model, networkModel } from "@slimsr/core/internal/model/model.js";
import { narrowed } from "@slimsr/core/internal/model/split.js";
import { loadCheckpoint } from "../files/checkpoints.js";
import { holdsGraph, loadModel } from "../files/models.js";

/**
 * The network in a file at one of the widths that it was trained for.
 * @param quality share of every layer's channels; the widest where left out
 * @throws UsageError for another, naming those that the file says; as `loadModel`
 */
export async function atQuality(file: string, overrides: Overrides, quality: number | undefined): Promise<Model> {
  if (await holdsGraph(file)) {
    if (quality === undefined) return loadModel(file, overrides);
    throw new UsageError(
      `${file} holds a graph of one width; leave --quality out, or make a narrower one by slimsr slim`,
    );
  }
  const { network, parameters, widths = [] } = await loadCheckpoint(file, overrides);
  const model = networkModel(network, parameters);
  requireChannels(file, model.descriptor.channels, overrides.channels);
  const widest = Math.max(...widths);
  if (quality === undefined || quality === widest) return model;
  if (widths.includes(quality)) return narrowed(model, quality);
  throw new UsageError(
    widths.length === 0
      ? `${file} says of no widths that it was made for; leave --quality out, or make a narrower network by slimsr slim`
      : `${file} was made for quality ${either(widths)}, not ${quality}`,
  );
}

const either = (widths: readonly number[]): string =>
  new Intl.ListFormat("en-GB", { type: "disjunction" }).format([...widths].sort((a, b) => b - a).map(String));
