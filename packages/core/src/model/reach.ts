import {
  type Graph,
  isKnown,
  liveNodes,
  type Node,
  type Sight,
  type Span,
  type Spans,
  union,
  type Value,
} from "../graph/index.js";

/**
 * A network's receptive field: how many input pixels at each side of its own an output pixel may depend on. A part of an
 * image with that much around it comes out as it does within the whole.
 * @param graph from one image [N, C, H, W] to another
 * @param images its inputs that are images; the others are parameters
 * @returns undefined where an output pixel depends on the whole image (global pooling), or the graph has an operator that
 * moves pixels in another way than convolutions, pooling, pixel shuffles and paddings of stride 1 do
 */
export function receptiveRadius(graph: Graph, images: readonly Value[] = graph.inputs): number | undefined {
  const sights = sightsOf(graph, images);
  const radii = [...graph.outputs.values()].map((value) => outputRadius(sights.get(value)));
  return radii.every((radius) => radius !== undefined) ? Math.max(0, ...radii) : undefined;
}

/**
 * By how many pixels an image is to be shifted, or a multiple of that, for its output to be shifted and nothing else: what folds 2×2
 * pixels into one makes something else of an image without its first column.
 * @param graph and its images, as of `receptiveRadius`
 */
export function shiftPeriod(graph: Graph, images: readonly Value[] = graph.inputs): number {
  let period = 1;
  for (const sight of sightsOf(graph, images).values()) {
    if (sight === undefined || sight === "all") continue;
    for (const { step } of sight) if (Number.isInteger(step)) period = leastCommonMultiple(period, step);
  }
  return period;
}

export const leastCommonMultiple = (a: number, b: number): number => (a / greatestCommonDivisor(a, b)) * b;

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** What each value of a graph depends on; undefined for what doesn't depend on the images. */
export function sightsOf(graph: Graph, images: readonly Value[]): Map<Value, Sight | undefined> {
  const sights = new Map<Value, Sight | undefined>();
  for (const image of images) sights.set(image, [POINT, POINT]);
  for (const node of liveNodes(graph)) {
    const sight = sightOf(node, sights);
    // A size is the same whatever the pixels are.
    for (const output of node.outputs) sights.set(output, isKnown(output) ? undefined : sight);
  }
  return sights;
}

const POINT: Span = { step: 1, low: 0, high: 0 };

/** Undefined also of what is smaller than the image, for then it isn't told which pixels are its own. */
const outputRadius = (sight: Sight | undefined): number | undefined =>
  sight !== undefined && sight !== "all" && sight.some(({ step }) => step > 1) ? undefined : radiusOf(sight);

/** As `receptiveRadius`, of a value that depends on the image so. */
export function radiusOf(sight: Sight | undefined): number | undefined {
  if (sight === undefined) return 0;
  if (sight === "all") return undefined;
  // Output pixels s·c … s·(c + 1) − 1 belong to input pixel c. Steps like 1/3 are not exact.
  const tolerance = 1e-6;
  return Math.max(
    ...sight.map(({ step, low, high }) =>
      Math.max(Math.floor(tolerance - low), Math.floor(high + 1 - step + tolerance)),
    ),
  );
}

function sightOf(node: Node, sights: ReadonlyMap<Value, Sight | undefined>): Sight | undefined {
  const seen = node.inputs.map((value) => value && sights.get(value));
  if (seen.includes("all")) return "all";
  const inputs = seen as (Spans | undefined)[];
  if (inputs.every((spans) => spans === undefined)) return undefined;
  if (!node.operator.elementwise) return node.operator.reach?.(node, inputs) ?? "all";
  const placed = node.inputs.some((value) => value && !sights.get(value) && isLocated(value));
  return placed ? "all" : union(inputs);
}

/** Whether a constant differs from place to place. */
const isLocated = ({ shape }: Value): boolean => shape.slice(Math.max(1, shape.length - 2)).some((size) => size > 1);
