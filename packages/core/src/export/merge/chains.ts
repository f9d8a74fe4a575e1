import {
  applyLike,
  consumersOf,
  elements,
  type Graph,
  ints,
  liveNodes,
  type Node,
  rewriteLazily,
  type Value,
} from "../../graph/index.js";
import { type OutputSights, outputBorder, outputSights } from "../../model/borders.js";
import { Conv, pixelShuffle } from "../../operators/index.js";
import { shuffleFactor } from "../subpixel.js";
import { compose, composition, filtersForOneShuffle, mapBeforeShuffle, shapeBeforeShuffle } from "./compose.js";
import { keepsSize, type LinearMap, linearMapOf, type MapShape, mapShapeOf } from "./linear-map.js";
import { depthOfRing, isStrip, withOwnBorder } from "./own-border.js";

/** A convolution with nothing but pixel shuffles between it and the one before it. */
interface Link {
  readonly node: Node;
  readonly shape: MapShape;
  /** Factors of the shuffles before it, in their order; none before the first of a chain. */
  readonly factors: readonly number[];
  /** The shuffles. */
  readonly between: readonly Node[];
}

/** Neighbouring links as one convolution. */
interface Merger {
  readonly links: readonly Link[];
  /** Pixels at each side of the graph's outputs, and of its own output, that differ. */
  readonly border: number;
  readonly ring: number;
}

/** What becomes of pixels along the border that a merged convolution has otherwise. */
export interface BorderOptions {
  /** Pixels at each side of the outputs that may differ. */
  readonly most: number;
  /** Whether the links themselves make them, of strips along the sides: nothing differs then, and weights stay. */
  readonly isOwn?: boolean;
}

/** Links that are tried as one, at most: kernels grow with each. */
const MOST_LINKS = 16;

/**
 * The graph with neighbouring convolutions merged where that costs fewer operations.
 * @returns how many pixels at each side of the outputs differ, or are made by themselves
 */
export function mergeChains(source: Graph, options: BorderOptions): { graph: Graph; border: number } {
  const mergers = chainsOf(source).flatMap(bestMergers(source, options));
  if (mergers.length === 0) return { graph: source, border: 0 };
  const written = new Map(mergers.map((merger) => [(merger.links.at(-1) as Link).node, merger]));
  const gone = new Set(
    mergers.flatMap(({ links }) => links.flatMap(({ node, between }, i) => (i === 0 ? [node] : [...between, node]))),
  );
  const graph = rewriteLazily(source, (target, imageOf) => (node) => {
    const merger = written.get(node);
    if (!merger) return gone.has(node) ? [] : undefined;
    const { links, ring } = merger;
    const [first] = links as readonly [Link];
    const name = links.map(layerName).join("+");
    const x = imageOf(first.node.inputs[0] as Value);
    const map = mergedMap(links);
    const made = convolution(target, x, map, name);
    const r = links.slice(1).reduce((product, { factors }) => factors.reduce((a, b) => a * b, product), 1);
    const shuffled = r === 1 ? made : pixelShuffle(made, r);
    if (!options.isOwn || ring === 0) return [shuffled];
    const stretch = (part: Value) => apart(links, part, imageOf);
    return [withOwnBorder({ x, merged: shuffled, stretch, ring, depth: depthOfRing(map, ring, r) })];
  });
  return { graph, border: Math.max(...mergers.map(({ border }) => border)) };
}

/** The links, one after the other, of another image. */
function apart(links: readonly Link[], image: Value, imageOf: (value: Value) => Value): Value {
  let x = image;
  for (const { node, between } of links) {
    for (const shuffle of between) [x] = applyLike(shuffle, x.graph, [x]) as [Value];
    const parameters = node.inputs.slice(1).map((value) => value && imageOf(value));
    [x] = applyLike(node, x.graph, [x, ...parameters]) as [Value];
  }
  return x;
}

const layerName = ({ node }: Link): string => (node.inputs[1] as Value).name.replace(/\.weight$/, "");

/** Adds a convolution to a graph. */
export function convolution(graph: Graph, x: Value, map: LinearMap, name: string): Value {
  const weight = graph.constant(Float32Array.from(map.kernel), map.weight, {
    name: graph.unusedName(`${name}.weight`),
  });
  const biasOf = (bias: Float64Array): Value =>
    graph.constant(Float32Array.from(bias), [bias.length], { name: graph.unusedName(`${name}.bias`) });
  const parameters = map.isSilent ? [weight] : [weight, biasOf(map.bias)];
  const attributes = {
    kernel_shape: ints(map.weight.slice(2)),
    group: { kind: "int" as const, value: map.group },
    strides: ints(map.strides),
    dilations: ints(map.dilations),
    pads: ints(map.pads),
  };
  return graph.apply(Conv, [x, ...parameters], attributes)[0] as Value;
}

/** The longest runs of convolutions with nothing but pixel shuffles between them, none of which anything else reads. */
function chainsOf(graph: Graph): Link[][] {
  const nodes = liveNodes(graph);
  const consumers = consumersOf(nodes);
  const outputs = new Set(graph.outputs.values());
  const isReadOnce = (value: Value) => consumers.get(value)?.length === 1 && !outputs.has(value);
  const chains = new Map<Value, Link[]>();
  for (const node of nodes) {
    const shape = mapShapeOf(node);
    if (!shape) continue;
    const { x, between } = throughShuffles(node.inputs[0] as Value, isReadOnce);
    const before = isReadOnce(x) ? chains.get(x) : undefined;
    const factors = between.map((shuffle) => shuffleFactor(shuffle) as number);
    const chain = before ?? [];
    chain.push(before ? { node, shape, factors, between } : { node, shape, factors: [], between: [] });
    if (before) chains.delete(x);
    chains.set(node.outputs[0] as Value, chain);
  }
  return [...chains.values()].filter(({ length }) => length > 1);
}

/** Back to what pixel shuffles that nothing else reads make a value of, and these in their order. */
function throughShuffles(value: Value, isReadOnce: (value: Value) => boolean): { x: Value; between: Node[] } {
  const between: Node[] = [];
  let x = value;
  while (x.producer && isReadOnce(x) && shuffleFactor(x.producer) !== undefined) {
    between.unshift(x.producer);
    x = x.producer.inputs[0] as Value;
  }
  return { x, between };
}

/** Which links of a chain to merge for the fewest operations, by dynamic programming over where its parts end. */
function bestMergers(graph: Graph, { most, isOwn }: BorderOptions): (chain: readonly Link[]) => Merger[] {
  let sights: OutputSights | undefined;
  const borderOf = (value: Value, ring: number): number => {
    if (ring === 0) return 0;
    sights ??= outputSights(graph);
    return outputBorder(sights, value, ring);
  };
  const hasBorder = (links: readonly Link[]): boolean =>
    !isStrip((links[0] as Link).node.inputs[0] as Value) && links.every(({ shape }) => keepsSize(shape));
  return (chain) => {
    const best: { macs: number; from: number; border: number; ring: number }[] = [
      { macs: 0, from: 0, border: 0, ring: 0 },
    ];
    let before: ReadonlyMap<number, Run> = new Map();
    chain.forEach((link, end) => {
      const output = link.node.outputs[0] as Value;
      const runs = runsTo(chain, end, before);
      const choices = [...runs].flatMap(([from, { shape, ring }]) => {
        const macs = (best[from] as (typeof best)[number]).macs + multiplyAccumulates(shape, output);
        return { macs, from, ring };
      });
      // The shortest run comes first, and goes before others that cost as much.
      const cheapest = choices.toSorted((a, b) => a.macs - b.macs);
      const [choice] = cheapest.flatMap((each) => {
        if (isOwn && each.ring > 0 && !hasBorder(chain.slice(each.from, end + 1))) return [];
        const border = borderOf(output, each.ring);
        return border <= most ? { ...each, border } : [];
      });
      best.push(choice as NonNullable<typeof choice>);
      before = runs;
    });
    const mergers: Merger[] = [];
    for (let end = chain.length; end > 0; ) {
      const { from, border, ring } = best[end] as (typeof best)[number];
      if (end - from > 1) mergers.push({ links: chain.slice(from, end), border, ring });
      end = from;
    }
    return mergers;
  };
}

/** Links as one convolution: its shape before the shuffles, and the pixels along its output's border that differ. */
interface Run {
  readonly shape: MapShape;
  readonly ring: number;
}

/**
 * The runs of links that end with `end` and are one convolution, by where they begin.
 * @param before those that end with the link before it
 */
function runsTo(chain: readonly Link[], end: number, before: ReadonlyMap<number, Run>): Map<number, Run> {
  const last = chain[end] as Link;
  const runs = new Map([[end, { shape: last.shape, ring: 0 }]]);
  let shape = last.shape;
  for (let from = end - 1; from >= Math.max(0, end - MOST_LINKS + 1); from--) {
    const [inner, outer] = [chain[from] as Link, shapeBefore(shape, (chain[from + 1] as Link).factors)];
    const composed = outer && composition(inner.shape, outer);
    const shorter = before.get(from);
    if (!composed || !shorter) break;
    shape = composed.map;
    runs.set(from, { shape, ring: ringBehind(shorter, last) });
  }
  return runs;
}

/** The pixels that differ once a link follows a run. */
function ringBehind({ shape, ring }: Run, { shape: own, factors }: Link): number {
  const outer = shapeBefore(own, factors);
  const isExact = outer !== undefined && composition(shape, outer)?.isExact === true;
  const wide = factors.reduce((width, r) => width * r, ring);
  const reached = wide > 0 || !isExact ? wide + Math.max(...own.pads) : 0;
  return Math.ceil(reached / Math.min(...own.strides));
}

/** The shape before pixel shuffles, the last of which it followed. */
const shapeBefore = (shape: MapShape, factors: readonly number[]): MapShape | undefined =>
  factors.reduceRight<MapShape | undefined>((map, r) => map && shapeBeforeShuffle(map, r), shape);

/** Of a convolution that makes, before any shuffles, as many numbers as `output` has. */
const multiplyAccumulates = ({ weight: [, ...each] }: MapShape, output: Value): number =>
  elements(output.shape) * elements(each);

/** The convolution that is all links, one after the other, its filters in the order of one shuffle. */
function mergedMap(links: readonly Link[]): LinearMap {
  const last = links.at(-1) as Link;
  let map = linearMapOf(last.node, last.shape);
  for (let i = links.length - 1; i > 0; i--) {
    for (const r of (links[i] as Link).factors.toReversed()) {
      map = mapBeforeShuffle(map, r, shapeBeforeShuffle(map, r) as MapShape);
    }
    const inner = links[i - 1] as Link;
    const composed = composition(inner.shape, map)?.map as MapShape;
    map = compose(linearMapOf(inner.node, inner.shape), map, composed);
  }
  return filtersForOneShuffle(
    map,
    links.slice(1).flatMap(({ factors }) => factors),
  );
}
