import { NetworkError } from "@slimsr/core/internal/errors.js";
import { deployable } from "@slimsr/core/internal/export/deployable.js";
import { writeGraph } from "@slimsr/core/internal/export/onnx.js";
import { liveNodes, type Node } from "@slimsr/core/internal/graph/index.js";
import { colourSpaceOf, type Descriptor, imageNames } from "@slimsr/core/internal/model/descriptor.js";
import { instantiate, type Model, nameOf } from "@slimsr/core/internal/model/model.js";
import { LARGEST_CODE } from "@slimsr/core/internal/quantisation/integers.js";
import { placesOf } from "@slimsr/core/internal/quantisation/named-layers.js";
import { type PlanOptions, planQuantisation, type QuantisationPlan } from "@slimsr/core/internal/quantisation/plan.js";
import { type Quantisation, quantisedGraph } from "@slimsr/core/internal/quantisation/qdq.js";
import { quantisable } from "@slimsr/core/internal/quantisation/quantisable.js";
import { EMBEDDED_IMAGES } from "../assets.js";
import { inRange, type Patches, patchShape } from "../calibration/batches.js";
import { calibrationSize } from "../calibration/patch-size.js";
import { calibrationPatches } from "../calibration/patches.js";
import { settleModel } from "../calibration/settle-range.js";
import { tryOut } from "../engine/trial.js";
import { type Stage, silent } from "../stage.js";
import { withAlikeRanges } from "./alike-ranges.js";
import { calibrate } from "./calibrate.js";

export interface QuantiseOptions {
  /** Folder of images to calibrate on; photographs that come with the package where left out. */
  readonly calibration?: string;
  /** How inputs are made of the calibration images; see `slim`. */
  readonly degrade?: string | undefined;
  /** Folder of the inputs of the calibration images, by their names, in place of making them. */
  readonly input?: string | undefined;
  /** Patches of 32×32 pixels to calibrate on, or fewer larger ones of as many pixels; 48 where left out. */
  readonly patches?: number;
  /** Bits of weights, 2 to 8; 8 where left out. Without VNNI, engines add products up in 16 bits, which 7 bits fit. */
  readonly bits?: number;
  /** Names of layers or of nodes' outputs that stay in float. */
  readonly keepFloat?: readonly string[];
  readonly stage?: Stage;
  /** Called with what is worth saying of the network, such as a range that was found. */
  readonly note?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A network of integers. */
export interface Quantised {
  /** What errors and notes call it. */
  readonly name: string;
  /** Opset 17: QuantizeLinear and DequantizeLinear around what engines do with integers. */
  readonly onnx: Uint8Array<ArrayBuffer>;
  /** The same in float, its linear stretches merged. */
  readonly float: Uint8Array<ArrayBuffer>;
  readonly descriptor: Descriptor;
  /** Pixels at each side of the output that repeat the next ones within; see `Deployable`. */
  readonly border: number;
  readonly bits: number;
  /** Convolutions that compute with integers, and all. */
  readonly convolutions: { readonly integer: number; readonly all: number };
  /** Seconds that quantising took, calibration images included. */
  readonly seconds: number;
}

/**
 * A network in integers of 8 bits, without training: activations uint8, weights int8 with a scale for each filter. What is linear in
 * the image from input to output stays in float, channels are scaled alike, ranges are those of least squared error, and each convolution is
 * refitted from its quantised inputs and rounded with the loss made up for.
 * @throws NetworkError where nothing can be quantised, or activations aren't finite; UsageError for layers to keep that there aren't, or
 * a range that can't be found; DatasetError for calibration images that can't be used
 */
export async function quantise(network: Model, options: QuantiseOptions = {}): Promise<Quantised> {
  const { model, draw } = await settled(network, options);
  return quantiseOn(model, draw, options);
}

/**
 * A network whose range is known, and what draws patches to calibrate it on.
 * @throws UsageError for layers to keep that there aren't, before the network is run; as `quantise`
 */
export async function settled(
  network: Model,
  options: QuantiseOptions,
): Promise<{ readonly model: Model; readonly draw: () => Promise<Patches> }> {
  const { calibration = EMBEDDED_IMAGES, degrade, input, patches: count = 48, stage = silent, note, signal } = options;
  if (options.keepFloat) placesOf(quantisable(network).model.graph, options.keepFloat);
  await tryOut(network, signal);
  const { model, note: found } = await settleModel(network, { signal });
  if (found !== undefined) note?.(found);
  const { descriptor } = model;
  const draw = () =>
    stage("calibration images", "patches", (onPatch) =>
      calibrationPatches(calibration, {
        ...{ scale: descriptor.scale, space: colourSpaceOf(descriptor), degrade, input },
        ...calibrationSize(descriptor, count),
        ...{ onPatch, signal },
      }),
    );
  return { model, draw };
}

/**
 * As `quantise`, on patches that are drawn where there is something to quantise.
 * @param model of a range that is known
 * @param draw images in 0..255
 */
export async function quantiseOn(
  model: Model,
  draw: () => Promise<Patches>,
  options: Pick<QuantiseOptions, "bits" | "keepFloat" | "stage" | "signal">,
): Promise<Quantised> {
  requireIntegers(planQuantisation(quantisable(model).model.graph, options), model);
  const start = performance.now();
  const { quantised } = await quantiseWith(model, await draw(), options);
  return { ...quantised, seconds: (performance.now() - start) / 1000 };
}

/** A network of integers, and what it was made of. */
export interface QuantisedWith {
  readonly quantised: Quantised;
  /** In float, its channels of alike ranges. */
  readonly scaled: Model;
  /** Of an instance of that for one patch. */
  readonly plan: QuantisationPlan;
  readonly quantisation: Quantisation;
  /** In the network's range. */
  readonly patches: Patches;
}

/**
 * As `quantise`, on patches that are drawn.
 * @param drawn images in 0..255
 */
export async function quantiseWith(
  model: Model,
  drawn: Patches,
  {
    bits = 8,
    keepFloat = [],
    floatNodes,
    stage = silent,
    signal,
  }: Pick<QuantiseOptions, "bits" | "keepFloat" | "stage" | "signal"> & Pick<PlanOptions, "floatNodes">,
): Promise<QuantisedWith> {
  const start = performance.now();
  const inLevels = areLevels(drawn);
  const { model: prepared, descriptor, border } = quantisable(model, inLevels);
  const patches = inRange(descriptor, drawn);
  const named = placesOf(prepared.graph, keepFloat);
  const options: PlanOptions = { inLevels, floatNodes: new Set([...named, ...(floatNodes ?? [])]) };
  const whole = planQuantisation(prepared.graph, options);
  requireIntegers(whole, model);
  const scaled = await withAlikeRanges(prepared, whole, patches);
  const plan = planQuantisation(instantiate(scaled, patchShape(patches, 1), imageNames(descriptor)), options);
  const quantisation = await stage("quantise", "nodes", (onNode) =>
    calibrate(plan, patches, {
      ...{ bits, levels: { scale: descriptor.range / LARGEST_CODE, zeroPoint: 0 }, onNode, signal },
    }),
  );
  const quantised: Quantised = {
    name: nameOf(model),
    onnx: writeGraph(quantisedGraph(plan, quantisation), descriptor),
    float: deployable(model).onnx,
    ...{ descriptor, border, bits },
    convolutions: convolutionsOf(plan),
    seconds: (performance.now() - start) / 1000,
  };
  return { quantised, scaled, plan, quantisation, patches };
}

/** Whether images are in whole levels, as those of 8 bits. @param patches in 0..255 */
export const areLevels = ({ data }: Patches): boolean =>
  data.every((value) => Number.isInteger(value) && value >= 0 && value <= LARGEST_CODE);

function convolutionsOf({ graph, arithmetic }: QuantisationPlan): Quantised["convolutions"] {
  const convolutions = liveNodes(graph).filter(({ operator }) => operator.name === "Conv");
  // Some are applied to strips of the image as well, by the same weights.
  const countOf = (nodes: readonly Node[]) => new Set(nodes.map(({ inputs }) => inputs[1])).size;
  return {
    integer: countOf(convolutions.filter((node) => arithmetic(node) === "integer")),
    all: countOf(convolutions),
  };
}

/** @throws NetworkError where a network's plan has none */
export function requireIntegers(plan: QuantisationPlan, network: Model): void {
  if (convolutionsOf(plan).integer > 0) return;
  throw new NetworkError(
    `${nameOf(network)} has no convolution that can compute with integers: there is none behind what isn't linear, or all are kept in float`,
  );
}
