import { join } from "node:path";
import { crop, type Image } from "@slimsr/core/internal/images/image.js";
import { type Dataset, openDataset } from "../datasets/dataset.js";
import { parseRange } from "../datasets/range.js";
import type { Contender } from "../evaluation/contender.js";
import { type EvaluationRow, evaluate, savedLabel } from "../evaluation/evaluate.js";
import type { OnImage } from "../stage.js";
import type { Run } from "./open.js";
import type { Sample } from "./recorder.js";
import type { Settings } from "./settings.js";

/** Opens a run's validation images; what is measured while training is their centres. */
export async function openValidation(
  { val, valRange, skipBad, validationPatch }: Settings,
  scale: number,
  onProgress: OnImage,
  signal: AbortSignal | undefined,
): Promise<{ whole: Dataset; centres: Dataset }> {
  const range = valRange === undefined ? undefined : parseRange(valRange);
  const whole = await openDataset(val, { scale, range, skipBad, onProgress, signal });
  return { whole, centres: centresOf(whole, validationPatch) };
}

/** The set with only the centre of each image, `side` LR pixels along each side at most. */
export function centresOf(set: Dataset, side: number): Dataset {
  const centre = (image: Image, limit: number, multiple: number) => {
    const [width, height] = [image.width, image.height].map((size) => Math.min(size, limit)) as [number, number];
    const start = (size: number, kept: number) => Math.floor((size - kept) / 2 / multiple) * multiple;
    return crop(image, start(image.width, width), start(image.height, height), width, height);
  };
  return {
    ...set,
    pairs: set.pairs.map((pair) => ({
      ...pair,
      lr: async () => centre(await pair.lr(), side, 1),
      hr: async () => centre(await pair.hr(), side * set.scale, set.scale),
    })),
  };
}

/** Images of each validation whose outputs are kept. */
const SAMPLES = 2;

/** PSNR and SSIM of networks on the centres; what they make of the first images goes to the run's samples. */
export async function validate(
  models: readonly Contender[],
  { folder, settings: { device, threads }, validation: { centres } }: Run,
  step: number,
  signal: AbortSignal | undefined,
): Promise<{ rows: EvaluationRow[]; samples: Sample[] }> {
  const save = folder.file("samples", `step-${String(step).padStart(7, "0")}`);
  const rows = await evaluate(models, [centres], { device, threads, bicubic: false, signal, save, saved: SAMPLES });
  const samples: Sample[] = [];
  for (const { name, hr } of centres.pairs.slice(0, SAMPLES)) {
    const { width, height } = await hr();
    for (const model of models) {
      const label = savedLabel(model);
      samples.push({ tag: `${label}/${name}`, path: join(save, centres.name, label, `${name}.png`), width, height });
    }
  }
  return { rows, samples };
}
