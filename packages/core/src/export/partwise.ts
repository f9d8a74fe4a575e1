import { type Graph, isKnown, liveNodes, type Node, rewriteLazily, type Value } from "../graph/index.js";
import { radiusOf, shiftPeriod, sightsOf } from "../model/reach.js";
import { concat, GlobalAveragePool, mul, ReduceMean, reduceSum, reshape, slice } from "../operators/index.js";
import { reducedAxesOf } from "../operators/reductions.js";

/**
 * A network that takes means over its whole image, such as those of channel attention, written so that parts of an image can be run by
 * themselves: the image's means come in, and what the part adds to them goes out.
 */
export interface Partwise {
  /** For images of the size that the network's graph is built for. */
  readonly graph: Graph;
  /** The input that holds the means of all poolings, [1, channels, 1, 1], and the output of the same shape with the part's own. */
  readonly means: string;
  readonly pooled: string;
  readonly channels: number;
  /**
   * Inputs [1, 1, h, w] that say how much of the part's mean each of its features is: one for each size of features. Such a feature is
   * `step` pixels of the part wide and high.
   */
  readonly weights: readonly { readonly name: string; readonly step: number }[];
  /** Poolings that lie behind one another. */
  readonly depth: number;
  /** As of a network's cost, of the output and of all that is pooled. */
  readonly radius: number;
  readonly period: number;
  /** Axes that are open to any size that the network takes, with their names. */
  readonly dynamicAxes: Readonly<Record<string, Readonly<Record<number, string>>>>;
}

/** As it is run. */
export interface PartwiseNetwork extends Omit<Partwise, "graph" | "dynamicAxes"> {
  readonly onnx: () => Uint8Array<ArrayBuffer>;
  /** Memory that a run takes for each input pixel. */
  readonly bytesPerPixel: number;
}

interface Pooling {
  /** Input pixels along a side of a feature that is pooled. */
  readonly step: number;
  /** Of its channels among those of all poolings. */
  readonly start: number;
  readonly end: number;
}

/**
 * @param source from one image [1, C, H, W] to another
 * @param multipleOf what sides of its images are
 * @returns undefined where the network takes something else from the whole image than means, or none
 */
export function partwise(source: Graph, multipleOf: number): Partwise | undefined {
  const poolings = poolingsOf(source, multipleOf);
  const channels = [...poolings.values()].at(-1)?.end;
  if (channels === undefined) return undefined;
  const inputs = new Map<number, Value>();
  const features = new Map<Value, Pooling>();
  const parts: Value[] = [];
  let means = "";
  const graph = rewriteLazily(source, (target, imageOf) => {
    const [, , height = 1, width = 1] = target.inputs[0]?.shape ?? [];
    const given = target.input(target.unusedName("means"), [1, channels, 1, 1]);
    means = given.name;
    const weightsOf = (step: number): Value => {
      const known = inputs.get(step);
      if (known) return known;
      const made = target.input(target.unusedName("weights"), [1, 1, height / step, width / step]);
      inputs.set(step, made);
      return made;
    };
    return (node) => {
      const pooling = poolings.get(node);
      if (!pooling) return undefined;
      const { step, start, end } = pooling;
      const pooled = imageOf(node.inputs[0] as Value);
      features.set(pooled, pooling);
      parts.push(reduceSum(mul(pooled, weightsOf(step)), { axes: [2, 3], keep: true }));
      return [reshape(slice(given, [{ axis: 1, start, end }]), (node.outputs[0] as Value).shape)];
    };
  });
  const pooled = graph.unusedName("pooled");
  graph.output(pooled, concat(parts, 1));
  const radius = radiusOfAll(graph, features, pooled);
  if (radius === undefined) return undefined;
  const weights = [...inputs].map(([step, { name }]) => ({ name, step }));
  return {
    ...{ graph, means, pooled, channels, weights, radius, depth: depthOf(source, poolings) },
    period: shiftPeriod(graph, graph.inputs.slice(0, 1)),
    dynamicAxes: openSizes(source, weights),
  };
}

/** Means over all positions of features whose sides are in proportion to the image's, in their order. */
function poolingsOf({ inputs: [image], ...graph }: Graph, multipleOf: number): Map<Node, Pooling> {
  const poolings = new Map<Node, Pooling>();
  const [, , rows = 1, columns = 1] = image?.shape ?? [];
  let start = 0;
  for (const node of graph.nodes) {
    const [x] = node.inputs;
    if (!x || isKnown(x) || x.shape.length !== 4 || !isMeanOfPlane(node)) continue;
    const [, channels, height, width] = x.shape as [number, number, number, number];
    const step = rows / height;
    const isInProportion = columns / width === step && (Number.isInteger(1 / step) || multipleOf % step === 0);
    if (!isInProportion) continue;
    poolings.set(node, { step, start, end: start + channels });
    start += channels;
  }
  return poolings;
}

const isMeanOfPlane = (node: Node): boolean =>
  node.operator === GlobalAveragePool || (node.operator === ReduceMean && reducedAxesOf(node).join() === "2,3");

/** Undefined where that is the whole image still. */
function radiusOfAll(graph: Graph, features: ReadonlyMap<Value, Pooling>, pooled: string): number | undefined {
  const sights = sightsOf(graph, graph.inputs.slice(0, 1));
  const radii: (number | undefined)[] = [];
  for (const [name, value] of graph.outputs) if (name !== pooled) radii.push(radiusOf(sights.get(value)));
  for (const [value, { step }] of features) {
    const sight = sights.get(value);
    if (!sight || sight === "all" || sight.some((span) => span.step !== step)) return undefined;
    // A feature of several pixels belongs to each of them.
    radii.push((radiusOf(sight) as number) + Math.max(0, step - 1));
  }
  return radii.every((radius) => radius !== undefined) ? Math.max(...radii) : undefined;
}

/** How many poolings lie behind one another, at most. */
function depthOf(graph: Graph, poolings: ReadonlyMap<Node, Pooling>): number {
  const depths = new Map<Value, number>();
  let most = 0;
  for (const node of liveNodes(graph)) {
    const before = Math.max(0, ...node.inputs.map((value) => (value && depths.get(value)) ?? 0));
    const depth = before + (poolings.has(node) ? 1 : 0);
    for (const output of node.outputs) depths.set(output, depth);
    most = Math.max(most, depth);
  }
  return most;
}

function openSizes(source: Graph, weights: Partwise["weights"]): Partwise["dynamicAxes"] {
  const open = (name: string) => ({ 2: `${name}_height`, 3: `${name}_width` });
  const images = [source.inputs[0]?.name as string, ...source.outputs.keys()];
  return Object.fromEntries([...images, ...weights.map(({ name }) => name)].map((name) => [name, open(name)]));
}
