import { totalmem } from "node:os";
import { dirname, join } from "node:path";
import { ImageError, InterruptedError, UsageError } from "@slimsr/core/internal/errors.js";
import { type FloatPlanes, resizeBicubic } from "@slimsr/core/internal/images/bicubic.js";
import { type Image, to8Bit } from "@slimsr/core/internal/images/image.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import type { Device } from "@slimsr/upscaler/internal/engine/session.js";
import { createProcessSession } from "@slimsr/upscaler/internal/node/process-session.js";
import { createSession } from "@slimsr/upscaler/internal/node/session.js";
import { bytesPerPixel, DEFAULT_MEMORY, type Deviation } from "@slimsr/upscaler/internal/tiling/plan.js";
import { type CreateSession, TiledNetwork } from "@slimsr/upscaler/internal/tiling/tiled-network.js";
import type { Dataset, Pair } from "../datasets/dataset.js";
import { networkImage } from "../engine/network-image.js";
import { makeFolder } from "../files/folders.js";
import { systemReason } from "../files/system-reason.js";
import { writeImage } from "../images/encode.js";
import type { Contender } from "./contender.js";
import { measurable } from "./measurable.js";
import { type Metric, metricFor } from "./metric.js";
import { type Measure, mean, meanScore, type Score, scoreImage } from "./score.js";

export interface EvaluateOptions extends Partial<Pick<Measure, "niqe">> {
  /** Of which PSNR is; by default what the field measures, see `metricFor`. */
  readonly colour?: "y" | "rgb" | undefined;
  readonly device?: Device | undefined;
  readonly threads?: number | undefined;
  /**
   * Bytes of activations at once, of all models; larger images are computed in tiles. By default 1 GiB, and half of the
   * machine's memory where tiles change the result.
   */
  readonly memory?: number | undefined;
  /** Pixels left out at each side; the scale by default, as the benchmarks do, and none where images keep their size. */
  readonly border?: number | undefined;
  /** The mean of the eight turned and flipped images' outputs ("+"). */
  readonly selfEnsemble?: boolean;
  /** Whether a row for bicubic interpolation comes first, or for the input as it is where images keep their size. */
  readonly bicubic?: boolean;
  /** Folder that gets the images, as SET/MODEL/name.png. */
  readonly save?: string | undefined;
  /** Images of each set that are saved, from the first; all by default. */
  readonly saved?: number;
  /** Called after each image of each model. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ImageRow extends Score {
  readonly image: string;
  readonly milliseconds: number | null;
}

/** What a model is worth on a set: means over its images. */
export interface EvaluationRow extends Score {
  readonly model: string;
  /** Null for bicubic interpolation and the input, as are their costs. */
  readonly width: number | null;
  readonly set: string;
  readonly scale: number;
  /** What `psnr` is of. */
  readonly metric: Metric;
  /** Null where the graph has operators that are not known here. */
  readonly parameters: number | null;
  /** Multiply-accumulates for a 1280×720 output. */
  readonly macs: number | null;
  /** The engine's runs alone; with a self-ensemble, all eight. */
  readonly msPerImage: number | null;
  readonly images: readonly ImageRow[];
  /** Of the model's ONNX file; left out for bicubic interpolation and the input. */
  readonly bytes?: number;
  /** Of the model's weights, where they are integers. */
  readonly bits?: number;
  /** Images whose output is not just what the network computes of the whole image. */
  readonly deviations: Readonly<Partial<Record<Deviation, number>>>;
}

interface Runner {
  readonly model: Contender;
  readonly upscaler: TiledNetwork;
}

/** One row on its way. */
interface Entry {
  readonly runner: Runner | undefined;
  readonly images: ImageRow[];
  readonly deviations: Partial<Record<Deviation, number>>;
}

/**
 * Measures models on data sets. Every image is read once and goes through one model after another, so that their times
 * compare; memory depends on neither the sets' sizes nor, by tiling, on the images'.
 * @returns for each set a row for bicubic interpolation or the input, if asked for, and one per model
 * @throws UsageError where a model's scale is not a set's, one of grey images has a set of colour images or the other way round, or
 * two sets have one name
 * @throws DatasetError at once for images that are too small to be measured
 * @throws InterruptedError if the signal was aborted
 */
export async function evaluate(
  models: readonly Contender[],
  sets: readonly Dataset[],
  options: EvaluateOptions = {},
): Promise<EvaluationRow[]> {
  for (const { name, scale, channels } of models) {
    const odd = sets.find((set) => set.scale !== scale);
    if (odd) throw new UsageError(`${name} magnifies ×${scale}, but the set ${odd.name} is opened for ×${odd.scale}`);
    const isGrey = colourSpaceOf({ channels, scale }) === "grey";
    const other = sets.find((set) => set.grey !== isGrey);
    if (other) {
      const [takes, opened] = isGrey ? ["grey", "colour"] : ["colour", "grey"];
      throw new UsageError(`${name} takes ${takes} images, but the set ${other.name} is opened for ${opened} ones`);
    }
  }
  const twice = sets.find(({ name }, i) => sets.findIndex((other) => other.name === name) !== i);
  if (twice) throw new UsageError(`two sets are called ${twice.name}; give one another name: { ...set, name }`);
  for (const set of sets) measurable(set, metricFor(set, options).border);
  const appetite = models.reduce((sum, model) => sum + bytesPerPixel(model), 0);
  const runners: Runner[] = [];
  try {
    for (const model of models) {
      const upscaler = await openContender(model, options, bytesPerPixel(model) / appetite);
      runners.push({ model, upscaler });
      await upscaler.warmUp();
    }
    return await evaluateSets(runners, sets, options);
  } finally {
    await Promise.all(runners.map(({ upscaler }) => upscaler.close()));
  }
}

/** A network ready to run. @param share of the memory that this model may take */
export function openContender(
  model: Contender,
  { device, threads, memory, signal }: EvaluateOptions,
  share: number,
): Promise<TiledNetwork> {
  const whole = memory ?? (model.cost?.radius === undefined ? totalmem() / 2 : DEFAULT_MEMORY);
  const create: CreateSession = model.isolated
    ? (onnx, options) => createProcessSession(onnx, options, { signal })
    : createSession;
  return TiledNetwork.open(model, create, {
    name: model.name,
    memory: whole * share,
    ...(device && { device }),
    ...(threads !== undefined && { threads }),
  });
}

async function evaluateSets(
  runners: readonly Runner[],
  sets: readonly Dataset[],
  options: EvaluateOptions,
): Promise<EvaluationRow[]> {
  const { bicubic = true, onProgress, signal } = options;
  const contenders = [...(bicubic ? [undefined] : []), ...runners];
  const total = sets.reduce((sum, { pairs }) => sum + pairs.length, 0) * contenders.length;
  const rows: EvaluationRow[] = [];
  let done = 0;
  onProgress?.(done, total);
  for (const set of sets) {
    const entries = contenders.map((runner): Entry => ({ runner, images: [], deviations: {} }));
    const metric = metricFor(set, options);
    let reading = readPair(set.pairs[0]);
    for (const [i, pair] of set.pairs.entries()) {
      const images = await reading;
      reading = readPair(set.pairs[i + 1]);
      for (const entry of entries) {
        await evaluateImage(entry, set, pair, images, metric, options).catch((error: unknown) => {
          if (signal?.aborted) throw new InterruptedError(`interrupted after ${done} of ${total} images`);
          throw error;
        });
        onProgress?.(++done, total);
      }
    }
    rows.push(...entries.map((entry) => rowOf(entry, set, metric)));
  }
  return rows;
}

/** A pair's images, decoded. */
interface Images {
  readonly input: FloatPlanes;
  readonly lr: Image;
  readonly hr: Image;
}

/** Reads a pair's images, while models still run on those before; an error is told to whoever waits for them. */
function readPair(pair: Pair | undefined): Promise<Images> {
  const read = async (): Promise<Images> => {
    if (!pair) throw new RangeError("no pair is left");
    const [input, lr, hr] = await Promise.all([pair.input(), pair.lr(), pair.hr()]);
    return { input, lr, hr };
  };
  const reading = read();
  reading.catch(() => undefined);
  return reading;
}

async function evaluateImage(
  { runner, images, deviations }: Entry,
  { name: set, scale }: Dataset,
  { name }: Pair,
  { input, lr, hr }: Images,
  { colour, border }: Metric,
  options: EvaluateOptions,
): Promise<void> {
  const { niqe = false, selfEnsemble = false, save, saved, signal } = options;
  signal?.throwIfAborted();
  let output: Image;
  let milliseconds: number | null = null;
  if (runner) {
    const made = await networkImage(runner.upscaler, runner.model, input, selfEnsemble, signal);
    output = made.image;
    ({ milliseconds } = made);
    if (made.deviation) deviations[made.deviation] = (deviations[made.deviation] ?? 0) + 1;
  } else {
    output = scale === 1 ? to8Bit(lr) : resizeBicubic(to8Bit(lr), scale);
  }
  images.push({
    image: name,
    ...scoreImage(output, hr, { border, colour: colour === "y" ? "y" : "rgb", niqe }),
    milliseconds,
  });
  if (save !== undefined && images.length <= (saved ?? images.length))
    await saveImage(join(save, set, labelOf(runner, scale, selfEnsemble), `${name}.png`), output);
}

function labelOf(runner: Runner | undefined, scale: number, selfEnsemble: boolean): string {
  return runner ? savedLabel(runner.model, selfEnsemble) : baselineOf(scale);
}

/** What networks are compared with. */
const baselineOf = (scale: number): string => (scale === 1 ? "input" : "bicubic");

/** The folder that a model's images are saved in: "edsr_x2.pt", "edsr_x2.pt-w0.5+". */
export const savedLabel = ({ name, width }: Pick<Contender, "name" | "width">, selfEnsemble = false): string =>
  `${name}${width === 1 ? "" : `-w${width}`}${selfEnsemble ? "+" : ""}`;

async function saveImage(path: string, image: Image): Promise<void> {
  await makeFolder(dirname(path)).catch((error: unknown) => {
    throw new ImageError(`${dirname(path)}: cannot be made: ${systemReason(error)}`, { cause: error });
  });
  await writeImage(path, image);
}

function rowOf({ runner, images, deviations }: Entry, { name: set, scale }: Dataset, metric: Metric): EvaluationRow {
  const times = images.flatMap(({ milliseconds }) => (milliseconds === null ? [] : [milliseconds]));
  return {
    model: runner?.model.name ?? baselineOf(scale),
    width: runner?.model.width ?? null,
    set,
    scale,
    metric,
    ...meanScore(images),
    parameters: runner?.model.cost?.parameters ?? null,
    macs: runner?.model.cost?.macs ?? null,
    msPerImage: times.length > 0 ? mean(times) : null,
    images,
    ...(runner && { bytes: runner.model.bytes }),
    ...(runner?.model.bits !== undefined && { bits: runner.model.bits }),
    deviations,
  };
}
