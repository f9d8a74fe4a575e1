import { UsageError } from "../errors.js";
import type { Graph } from "../graph/index.js";
import { type Cost, graphCost } from "../model/cost.js";
import { type Descriptor, imageNames, type SizeRule, sideFrom, unmeasuredBorder } from "../model/descriptor.js";
import { importedModel } from "../model/imported.js";
import { instantiate, type Model, nameOf } from "../model/model.js";
import { foldConstants } from "./fold.js";
import { inHalves } from "./halves/index.js";
import { repeatWithin } from "./merge/border.js";
import { type BorderOptions, mergeLinear } from "./merge/index.js";
import { arranged, exampleOf, writeGraph } from "./onnx.js";
import { withStandardRounding } from "./roundings.js";

export interface DeployableOptions {
  /** Whether linear stretches become one convolution where that costs fewer operations. On by default. */
  readonly merge?: boolean;
  /** Whether it computes in half precision; images stay in single precision. Off by default. */
  readonly half?: boolean;
  /** Height and width of the one image that it takes at a time; any number of images of any size where left out. */
  readonly tile?: number | undefined;
}

/** A network to be used elsewhere. */
export interface Deployable {
  readonly onnx: Uint8Array<ArrayBuffer>;
  /** Of what it computes, before it is written for an engine. */
  readonly cost: Pick<Cost, "parameters" | "macs">;
  /** What its images must be. */
  readonly descriptor: Descriptor;
  /**
   * Pixels at each side of its output that repeat the next ones within, for the network's own couldn't be had of merged convolutions;
   * at most those that the field leaves out when it measures. All others are the network's, to rounding.
   */
  readonly border: number;
}

/**
 * A network as an ONNX model (opset 17) for any engine: constants folded in, linear stretches merged.
 * @throws UsageError for a tile that the network doesn't take, NetworkError for weights that half precision can't hold
 */
export function deployable(model: Model, { merge = true, half = false, tile }: DeployableOptions = {}): Deployable {
  const { channels, scale, size } = model.descriptor;
  if (tile !== undefined) requireTile(size, tile);
  const names = imageNames(model.descriptor);
  const example =
    tile === undefined
      ? exampleOf(model)
      : withStandardRounding(instantiate(model, [1, channels.input, tile, tile], names));
  const { graph, border } = merge ? merged(example, scale) : { graph: foldConstants(example), border: 0 };
  const { parameters, macs } = graphCost(graph);
  const descriptor = { ...model.descriptor, size: sizesOf(size, tile, leastSide(border, scale)) };
  const ready = arranged(repeatWithin(graph, border));
  const written = half ? inHalves(ready, descriptor.range) : ready;
  return { onnx: writeGraph(written, descriptor, tile !== undefined), cost: { parameters, macs }, descriptor, border };
}

/** A network's graph with constants folded in and linear stretches merged, where that changes no more of the output than the field leaves out. */
export const merged = (example: Graph, scale: number, options: Pick<BorderOptions, "isOwn"> = {}) =>
  mergeLinear(foldConstants(example), { most: unmeasuredBorder(scale), ...options });

/**
 * The same network with its linear stretches merged, to be trained as it is deployed; undefined where that saves nothing. Pixels along its output's
 * border repeat the next within, as `Deployable` says.
 */
export function mergedModel(model: Model): Model | undefined {
  const { scale, size, range, rangeSource } = model.descriptor;
  const example = foldConstants(exampleOf(model));
  const { graph, border } = mergeLinear(example, { most: unmeasuredBorder(scale) });
  if (graphCost(graph).macs >= graphCost(example).macs) return undefined;
  return importedModel(repeatWithin(graph, border), {
    name: nameOf(model),
    ...{ range, size: sizesOf(size, undefined, leastSide(border, scale)) },
    ...(rangeSource && { rangeSource }),
  });
}

/** Input pixels along a side that a network needs whose output's border repeats the next pixels within. */
export const leastSide = (border: number, scale: number): number => Math.ceil((2 * border + 1) / scale);

/** What a network costs once its linear stretches are merged. */
export function mergedCost(model: Model): Cost {
  return graphCost(merged(exampleOf(model), model.descriptor.scale).graph);
}

/** What images may measure where they must be as large as `least`, or a tile. */
export function sizesOf(size: SizeRule, tile: number | undefined, least: number): SizeRule {
  if (tile !== undefined) return { ...size, fixed: { width: tile, height: tile } };
  return { ...size, minimum: sideFrom(size, least) };
}

function requireTile({ minimum, multipleOf, fixed }: SizeRule, tile: number): void {
  if (fixed && (fixed.width !== tile || fixed.height !== tile)) {
    throw new UsageError(`the network takes images of ${fixed.width}×${fixed.height} alone; leave the tile out`);
  }
  if (tile < minimum || tile % multipleOf !== 0) {
    const steps = multipleOf === 1 ? "" : ` and a multiple of ${multipleOf}`;
    throw new UsageError(`tiles of ${tile} pixels a side don't fit the network; take at least ${minimum}${steps}`);
  }
}
