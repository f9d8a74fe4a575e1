import { NetworkError } from "@slimsr/core/internal/errors.js";
import { elements, liveNodes, type Value } from "@slimsr/core/internal/graph/index.js";
import { channelAnalysis, type Model, nameOf } from "@slimsr/core/internal/model/model.js";
import { layerOfWeight, splitByCounts } from "@slimsr/core/internal/model/split.js";
import { Conv } from "@slimsr/core/internal/operators/index.js";
import { type Patches, somePatches } from "../calibration/batches.js";
import { requireFinite } from "../calibration/finite.js";
import { type Moments, measureMoments } from "../calibration/moments.js";
import { outputsOf } from "../calibration/outputs.js";
import type { Exchange } from "../exchange/exchange.js";
import { align } from "./alignment/align.js";
import { type Alignment, basisOf, type GroupLoss, inBasis, lossOf, turnedMoments } from "./alignment/basis.js";
import { equalise } from "./alignment/equalise.js";
import { concatenated, isWhole, momentsAt, tapsOf } from "./alignment/taps.js";
import { type ChannelMoments, foldDropped } from "./refitting/fold-dropped.js";
import { refit } from "./refitting/refit.js";

/** A teacher in aligned channels: every width's student is its first channels. */
export interface AlignedTeacher {
  readonly model: Model;
  /** What dropping each group's channels is predicted to lose. */
  readonly losses: readonly GroupLoss[];
  /** Moments of the aligned channels that convolutions read; none where channels stayed as they were. */
  readonly moments: ReadonlyMap<Value, ChannelMoments>;
  /** Largest difference of its output to the original's, relative to the output's largest value; float rounding. */
  readonly difference: number;
}

export interface SlimmingProgress {
  onProgress?: ((stage: "calibrate" | "allocate" | "refit", done: number, total: number) => void) | undefined;
  signal?: AbortSignal | undefined;
  /** Ranks that share calibration out; this process alone where left out. */
  exchange?: Exchange | undefined;
}

/**
 * Largest difference, relative to an output's largest value, that counts as float rounding: a quarter of a grey level of 255, where
 * networks here were measured at 4e-7.
 */
const ROUNDING = 1e-3;

/**
 * Calibrates and aligns a teacher.
 * @throws NetworkError where it doesn't compute what it did; or where its activations or their gradients aren't finite, naming the layer
 */
export async function alignTeacher(
  model: Model,
  patches: Patches,
  alignment: Alignment,
  { onProgress, signal, exchange }: SlimmingProgress = {},
): Promise<AlignedTeacher> {
  const taps = tapsOf(model);
  const read = [...new Set(taps.flat().map(({ value }) => value))];
  const measured = await measureMoments(model, read, patches, {
    batch: batchFor(model, patches),
    onBatch: (done, total) => onProgress?.("calibrate", done, total),
    ...{ signal, exchange },
  });
  requireSound(model, measured);
  const moments = taps.map((places) =>
    places.map((tap) => {
      const whole = measured.get(tap.value) as Moments;
      return isWhole(tap) ? whole : momentsAt(whole, tap.at);
    }),
  );
  const bases = channelAnalysis(model).groups.map((group, g) => basisOf(group, moments[g] ?? [], alignment));
  const turned = moments.map((each, g) => each.map((tap) => inBasis(tap, bases[g])));
  const even = alignment === "plain" ? { model, scales: [] } : equalise(align(model, bases));
  const partsOf = (value: Value) =>
    taps.flatMap((places, g) =>
      places.flatMap((tap) =>
        tap.value === value ? [{ at: tap.at, basis: bases[g], factors: even.scales[g] as Float64Array }] : [],
      ),
    );
  const known =
    even.scales.length === 0
      ? []
      : read.map(
          (value) =>
            [
              value,
              {
                ...turnedMoments(measured.get(value) as Moments, partsOf(value)),
                positions: positionsOf(value, model, patches),
              },
            ] as const,
        );
  const difference = await differenceOf(model, even.model, patches);
  requireRounding(difference, `aligning ${nameOf(model)}'s channels`);
  return { model: even.model, losses: turned.map(lossOf), moments: new Map(known), difference };
}

/** Positions of an activation over all patches; one an image behind a global pooling. */
function positionsOf(value: Value, { image }: Model, { count, height, width }: Patches): number {
  const [own, whole] = [value, image].map(({ shape }) => elements(shape.slice(2))) as [number, number];
  return count * (own === 1 ? 1 : (height * width * own) / whole);
}

/**
 * A student of an aligned teacher: group i keeps its first `counts[i]` channels, what these tell of the others goes into
 * what reads them, and the convolutions are refitted unless `refitted` is false.
 * @throws NetworkError where it keeps all and doesn't compute what the teacher does
 */
export async function slimTeacher(
  { model, moments }: AlignedTeacher,
  counts: readonly number[],
  patches: Patches,
  refitted: boolean,
  { onProgress, signal, exchange }: SlimmingProgress = {},
): Promise<Model> {
  const analysis = channelAnalysis(model);
  const split = splitByCounts(model.places.values(), analysis, counts);
  const sliced = foldDropped(model, split, moments);
  const fitting = () =>
    refit(model, sliced, split, patches, {
      batch: batchFor(model, patches),
      onConvolution: (done, total) => onProgress?.("refit", done, total),
      ...{ signal, exchange },
    });
  const student = refitted ? equalise(await fitting(), split).model : sliced;
  if (analysis.groups.every(({ size }, g) => counts[g] === size)) {
    requireRounding(await differenceOf(model, student, patches), `slimming ${nameOf(model)} to all its channels`);
  }
  return student;
}

function requireRounding(difference: number, change: string): void {
  if (difference <= ROUNDING) return;
  throw new NetworkError(
    `${change} changed its output by ${(100 * difference).toPrecision(2)} % of its range, which is more than rounding: it has ` +
      "an operation whose channels are misunderstood here, or weights that aren't sound; choose another model",
  );
}

/** Before anything is decided by moments: in the order of the data, so that the first layer to overflow is named. */
function requireSound({ graph }: Model, moments: ReadonlyMap<Value, Moments>): void {
  const read = liveNodes(graph).flatMap(({ operator, inputs: [x, weight] }) =>
    operator === Conv && x && weight
      ? concatenated(x).map((part) => ({ layer: layerOfWeight(weight), known: moments.get(part) }))
      : [],
  );
  for (const { layer, known } of read) {
    if (!known) continue;
    for (const sums of [known.mean, known.second]) requireFinite(sums, `the input of layer ${layer}`);
  }
  for (const { layer, known } of read.toReversed()) {
    if (known) requireFinite(known.gradient, `the output's gradient at layer ${layer}`);
  }
}

/** Values of one activation that are in memory at once, at most. */
const ACTIVATION_LIMIT = 2 ** 20;

/** Patches that are run at once: fewer where the network is wide. */
export function batchFor(model: Model, { height, width }: Patches): number {
  const channels = Math.max(1, ...channelAnalysis(model).groups.map(({ size }) => size));
  return Math.max(1, Math.min(8, Math.floor(ACTIVATION_LIMIT / (channels * height * width))));
}

async function differenceOf(before: Model, after: Model, patches: Patches): Promise<number> {
  const first = somePatches(patches, 0, 1);
  const images = await Promise.all([before, after].map(async (model) => (await outputsOf(model, first))[0]));
  const [a, b] = images as [Float32Array, Float32Array];
  requireFinite(a, `the output of ${nameOf(before)}`);
  let largest = 0;
  let difference = 0;
  a.forEach((value, i) => {
    largest = Math.max(largest, Math.abs(value));
    difference = Math.max(difference, Math.abs(value - (b[i] as number)));
  });
  return largest > 0 ? difference / largest : difference;
}
