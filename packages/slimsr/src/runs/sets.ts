import { createHash } from "node:crypto";
import type { Descriptor } from "@slimsr/core/internal/model/descriptor.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import { type Dataset, type DatasetOptions, openDataset } from "../datasets/dataset.js";
import { setNames } from "../datasets/names.js";
import { patchable, patchableCopies } from "../datasets/patch-sampler.js";
import { parseRange } from "../datasets/range.js";
import { measurable } from "../evaluation/measurable.js";
import { borderOf } from "../evaluation/metric.js";
import type { Stage } from "../stage.js";
import type { Settings } from "./settings.js";
import { openValidation } from "./validation.js";

/** The images of a run. */
export interface RunSets {
  readonly training: Dataset;
  readonly validation: { readonly whole: Dataset; readonly centres: Dataset };
  /** What the closing table measures on: the test sets, or the validation images. */
  readonly sets: readonly Dataset[];
}

/** @throws DatasetError or UsageError where images are missing or don't fit */
export async function openSets(
  settings: Settings,
  descriptor: Descriptor,
  { stage, signal }: { readonly stage: Stage; readonly signal?: AbortSignal | undefined },
): Promise<RunSets> {
  const { train, trainInput, trainRange, degrade, data, skipBad, patch, scaleAugmentation } = settings;
  const { scale } = descriptor;
  const grey = colourSpaceOf(descriptor) === "grey";
  const names = setNames(data, "data");
  const open = (
    label: string,
    path: string,
    images: Pick<DatasetOptions, "range" | "degrade" | "input" | "smallerCopies">,
  ) =>
    stage(label, "images", (onProgress) => openDataset(path, { scale, grey, ...images, skipBad, onProgress, signal }));
  const training = await open("training images", train, {
    range: trainRange === undefined ? undefined : parseRange(trainRange),
    ...(trainInput === undefined ? { degrade } : { input: trainInput }),
    smallerCopies: scaleAugmentation > 0,
  });
  patchable(training, patch, skipBad);
  patchableCopies(training, patch, scaleAugmentation);
  const validation = await stage("validation images", "images", (onProgress) =>
    openValidation(settings, { scale, grey }, onProgress, signal),
  );
  const sets: Dataset[] = [];
  for (const [i, path] of data.entries()) {
    sets.push(
      measurable({ ...(await open(path, path, { degrade })), name: names[i] as string }, borderOf(scale), skipBad),
    );
  }
  if (sets.length === 0) sets.push(measurable(validation.whole, borderOf(scale), skipBad));
  return { training, validation, sets };
}

/** Digests of what is measured on, in order; where it lies doesn't count. */
export const setDigests = (sets: readonly Dataset[]): string[] =>
  sets.map(({ pairs }) =>
    createHash("sha256")
      .update(JSON.stringify(pairs.map(({ decoded: { hr, lr } }) => [hr.digest, lr.digest])))
      .digest("hex"),
  );
