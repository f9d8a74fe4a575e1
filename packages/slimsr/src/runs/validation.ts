import { join } from "node:path";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { crop, type Image } from "@slimsr/core/internal/images/image.js";
import { cropFloatPlanes } from "@slimsr/core/internal/images/planes.js";
import { type Dataset, type DatasetOptions, openDataset } from "../datasets/dataset.js";
import { parseRange } from "../datasets/range.js";
import type { Contender } from "../evaluation/contender.js";
import { type EvaluationRow, evaluate, savedLabel } from "../evaluation/evaluate.js";
import { meanScore } from "../evaluation/score.js";
import { type Exchange, ownOf } from "../exchange/exchange.js";
import type { OnImage } from "../stage.js";
import type { Run } from "./open.js";
import type { Sample } from "./recorder.js";
import type { Settings } from "./settings.js";

/** Opens a run's validation images; what is measured while training is their centres. */
export async function openValidation(
  { val, valInput, valRange, degrade, skipBad, validationPatch }: Settings,
  images: Pick<DatasetOptions, "scale" | "grey">,
  onProgress: OnImage,
  signal: AbortSignal | undefined,
): Promise<{ whole: Dataset; centres: Dataset }> {
  const range = valRange === undefined ? undefined : parseRange(valRange);
  const inputs = valInput === undefined ? { degrade } : { input: valInput };
  const whole = await openDataset(val, { ...images, ...inputs, range, skipBad, onProgress, signal });
  return { whole, centres: centresOf(whole, validationPatch) };
}

/** The set with only the centre of each image, `side` LR pixels along each side at most. */
export function centresOf(set: Dataset, side: number): Dataset {
  const within = (image: Size, limit: number, multiple: number): [number, number, number, number] => {
    const [width, height] = [image.width, image.height].map((size) => Math.min(size, limit)) as [number, number];
    const start = (size: number, kept: number) => Math.floor((size - kept) / 2 / multiple) * multiple;
    return [start(image.width, width), start(image.height, height), width, height];
  };
  const centre = (image: Image, limit: number, multiple: number) => crop(image, ...within(image, limit, multiple));
  return {
    ...set,
    pairs: set.pairs.map((pair) => ({
      ...pair,
      lr: async () => centre(await pair.lr(), side, 1),
      input: async () => {
        const input = await pair.input();
        return cropFloatPlanes(input, ...within(input, side, 1));
      },
      hr: async () => centre(await pair.hr(), side * set.scale, set.scale),
    })),
  };
}

/** Images of each validation whose outputs are kept. */
const SAMPLES = 2;

/**
 * PSNR and SSIM of networks on the centres, which all ranks share out; what they make of the first images goes to the run's samples.
 * @returns rows of all images on the first rank, of its own on others
 */
export async function validate(
  models: readonly Contender[],
  { folder, settings: { device, threads }, validation: { centres } }: Run,
  step: number,
  { signal, exchange }: { readonly signal: AbortSignal | undefined; readonly exchange: Exchange },
): Promise<{ rows: EvaluationRow[]; saved: Sample[] }> {
  const save = folder.file("samples", `step-${String(step).padStart(7, "0")}`);
  const own = { ...centres, pairs: ownOf(centres.pairs, exchange) };
  const saved = ownOf(centres.pairs.slice(0, SAMPLES), exchange).length;
  const part =
    own.pairs.length > 0 ? await evaluate(models, [own], { device, threads, bicubic: false, signal, save, saved }) : [];
  const rows = await ofAllRanks(part, models.length, centres, exchange);
  const samples: Sample[] = [];
  for (const { name, hr } of centres.pairs.slice(0, SAMPLES)) {
    const { width, height } = await hr();
    for (const model of models) {
      const label = savedLabel(model);
      samples.push({ tag: `${label}/${name}`, path: join(save, centres.name, label, `${name}.png`), width, height });
    }
  }
  return { rows, saved: samples };
}

/** Rows of all of a set's images, of which each rank has measured its own. */
async function ofAllRanks(
  part: readonly EvaluationRow[],
  models: number,
  { pairs }: Dataset,
  exchange: Exchange,
): Promise<EvaluationRow[]> {
  if (exchange.size === 1) return [...part];
  const scores = new Float64Array(models * pairs.length * 2);
  const at = (model: number, image: number) => 2 * (model * pairs.length + image);
  part.forEach(({ images }, model) => {
    images.forEach(({ psnr, ssim }, i) => {
      scores.set([psnr, ssim], at(model, exchange.rank + i * exchange.size));
    });
  });
  await exchange.sum(scores);
  return part.map((row, model) => {
    const images = pairs.map(({ name }, i) => {
      const [psnr, ssim] = scores.subarray(at(model, i)) as unknown as [number, number];
      return { image: name, psnr, ssim, milliseconds: null };
    });
    return { ...row, ...meanScore(images), images };
  });
}
