import { createHash } from "node:crypto";
import { UsageError } from "@slimsr/core/internal/errors.js";
import { inColourSpace } from "@slimsr/core/internal/images/colour.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import type { Model } from "@slimsr/core/internal/model/model.js";
import type { Planes } from "@slimsr/upscaler/internal/images/planes.js";
import type { TiledNetwork } from "@slimsr/upscaler/internal/tiling/tiled-network.js";
import { defaultCacheDirectory, limitCache } from "../datasets/cache-folder.js";
import type { Dataset, Pair } from "../datasets/dataset.js";
import { type DecodedImage, findDecoded } from "../datasets/decoded-cache.js";
import { isKept, OUTPUT_SAMPLE_BYTES, outputFile, storeOutput } from "../datasets/kept-output.js";
import { type KeptOutputs, patchable, patchableCopies } from "../datasets/patch-sampler.js";
import { type Contender, contender } from "../evaluation/contender.js";
import { openContender } from "../evaluation/evaluate.js";
import { alone, firstHereFirst, ownOf } from "../exchange/exchange.js";
import { bytes as shown } from "../text/numbers.js";
import type { RunHooks } from "./inputs.js";
import { isTeacherFrozen, learnsOutput, vggFile } from "./methods.js";
import type { Settings } from "./settings.js";

/** Networks whose mean output students learn, made once of whole images. */
export interface OutputSource {
  readonly networks: readonly Contender[];
  /** Whether each output is the mean of the eight turned and flipped images'. */
  readonly selfEnsemble: boolean;
}

/**
 * What kept outputs a run learns; undefined where it learns none, or runs its frozen teacher in each step. Tutors' are always kept; a
 * teacher's without VGG19, where its whole images have fewer pixels than the patches of all steps, and the limit has room. A function of its
 * arguments, so that a run which is taken up does the same.
 * @throws UsageError where outputs must be kept and are larger than the limit, or of inputs that are noisy anew in each patch
 */
export function outputSource(
  settings: Settings,
  teacher: Model,
  tutors: readonly Contender[],
  training: Dataset,
): OutputSource | undefined {
  const { keepOutputs, keepOutputsLimit, selfEnsemble, patch, steps, batch, accumulate } = settings;
  if (!learnsOutput(settings)) return undefined;
  const isNeeded = tutors.length > 0 || selfEnsemble || keepOutputs === "on";
  if (training.noise) {
    if (!isNeeded) return undefined;
    throw new UsageError(
      "outputs of tutors, of self-ensembles and those to be kept are made once, but noise is drawn anew for each patch: leave these out, or the noise",
    );
  }
  // Beside VGG19 a teacher's forward pass is a small part of a step.
  const isGain = keepOutputs === "auto" && isTeacherFrozen(settings) && vggFile(settings) === undefined;
  if (!isNeeded && !isGain) return undefined;
  const large = drawnFrom(training, settings);
  const pixels = large.reduce((sum, { decoded: { lr } }) => sum + lr.width * lr.height, 0);
  const bytes = pixels * training.scale ** 2 * teacher.descriptor.channels.output * OUTPUT_SAMPLE_BYTES;
  const isTooLarge = bytes > keepOutputsLimit * 2 ** 30;
  if (!isNeeded && (isTooLarge || pixels >= steps * accumulate * batch * patch ** 2)) return undefined;
  if (isTooLarge) {
    const copies = settings.scaleAugmentation > 0 ? ", smaller copies counted," : "";
    throw new UsageError(
      `outputs on ${large.length} training images${copies} take ${shown(bytes)}, more than the ${keepOutputsLimit} GiB that they may take: allow more with --keep-outputs-limit, or name fewer images with --train-range`,
    );
  }
  const networks = tutors.length > 0 ? tutors : [contender("teacher", 1, teacher)];
  return { networks, selfEnsemble };
}

/** The images that patches are drawn from, and the smaller copies where patches are drawn from these too. */
const drawnFrom = (training: Dataset, { patch, skipBad, scaleAugmentation }: Settings): readonly Pair[] => [
  ...patchable(training, patch, skipBad).large,
  ...patchableCopies(training, patch, scaleAugmentation),
];

/** A digest of all that outputs follow from beside the image. */
function digestOf({ networks, selfEnsemble }: OutputSource): string {
  const hash = createHash("sha256").update(JSON.stringify({ selfEnsemble }));
  for (const { onnx, scale, range, input, output } of networks) {
    hash.update(JSON.stringify({ scale, range, input, output, bytes: onnx.length })).update(onnx);
  }
  return hash.digest("hex");
}

/** Images that are looked for in the cache at once. */
const AT_ONCE = 64;

/**
 * The outputs on all training images, and smaller copies, that patches are drawn from: those that the cache has, and the others made now, each stored as
 * soon as it is there, so that work which is interrupted goes on from it. Ranks share them out.
 * @throws InterruptedError or AbortError where the signal was aborted; DeviceError or NetworkError where a network can't be run
 */
export async function makeOutputs(
  source: OutputSource,
  training: Dataset,
  settings: Settings,
  hooks: RunHooks,
  directory = defaultCacheDirectory(),
): Promise<KeptOutputs> {
  const { exchange = alone } = hooks;
  const { device, threads } = settings;
  const large = drawnFrom(training, settings);
  const where = { directory, network: digestOf(source) };
  const engine = { device, threads };
  if (exchange.size === 1) return outputsOf(source, large, where, engine, hooks);
  await outputsOf(source, ownOf(large, exchange), where, engine, hooks);
  await exchange.barrier();
  // Others' are in the cache, or, where a machine has a cache of its own, made here again by its first rank.
  return firstHereFirst(exchange, () => outputsOf(source, large, where, engine, hooks));
}

/** Outputs on some training images: those that the cache has, and the others, made now. */
async function outputsOf(
  source: OutputSource,
  pairs: readonly Pair[],
  { directory, network: made }: { readonly directory: string; readonly network: string },
  { device, threads }: Pick<Settings, "device" | "threads">,
  { stage, signal, note }: RunHooks,
): Promise<KeptOutputs> {
  const outputs = new Map<Pair, DecodedImage>();
  const missing = new Map<string, Pair[]>();
  for (let at = 0; at < pairs.length; at += AT_ONCE) {
    await Promise.all(
      pairs.slice(at, at + AT_ONCE).map(async (pair) => {
        const file = outputFile(directory, made, pair.decoded.lr);
        const found = await findDecoded(file);
        if (found) outputs.set(pair, found);
        else missing.set(file, [...(missing.get(file) ?? []), pair]);
      }),
    );
  }
  if (missing.size === 0) return outputs;
  const label = source.networks.map(({ name }) => name).join(", ");
  const deviations = new Set<string>();
  await stage(`outputs of ${label}`, "images", async (onProgress) => {
    const upscalers: TiledNetwork[] = [];
    try {
      for (const network of source.networks) {
        upscalers.push(await openContender(network, { device, threads, signal }, 1 / source.networks.length));
      }
      let done = 0;
      for (const [file, alike] of missing) {
        signal?.throwIfAborted();
        const planes = await meanOutput(upscalers, source, alike[0] as Pair, deviations, signal);
        if (!isKept(planes)) deviations.add("clipped");
        const output = await storeOutput(file, planes);
        for (const pair of alike) outputs.set(pair, output);
        onProgress(++done, missing.size);
      }
    } finally {
      await Promise.all(upscalers.map((upscaler) => upscaler.close()));
    }
  });
  if (deviations.size > 0) {
    note?.(`outputs of ${label} are not just those of whole images: ${[...deviations].join(" and ")}`);
  }
  await limitCache(directory);
  return outputs;
}

async function meanOutput(
  upscalers: readonly TiledNetwork[],
  { networks, selfEnsemble }: OutputSource,
  pair: Pair,
  deviations: Set<string>,
  signal: AbortSignal | undefined,
): Promise<Planes> {
  const input = await pair.input();
  const { width, height } = input;
  let mean: Planes | undefined;
  for (const [i, upscaler] of upscalers.entries()) {
    const space = colourSpaceOf(networks[i] as Contender);
    // An upscaler may move what it is given to another thread.
    const data = inColourSpace(space, input).data.slice() as Float32Array<ArrayBuffer>;
    const { planes, deviation } = await upscaler.upscale({ width, height, data }, selfEnsemble, signal);
    if (deviation) deviations.add(deviation);
    const share = 1 / upscalers.length;
    if (!mean) mean = { ...planes, data: planes.data.map((value) => value * share) };
    else for (const [i, value] of planes.data.entries()) mean.data[i] = (mean.data[i] as number) + value * share;
  }
  return mean as Planes;
}
