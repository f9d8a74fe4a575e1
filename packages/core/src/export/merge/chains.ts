import {
  consumersOf,
  elements,
  type Graph,
  ints,
  liveNodes,
  type Node,
  rewriteLazily,
  type Value,
} from "../../graph/index.js";
import { outputBorder, outputSights } from "../../model/borders.js";
import { Conv, pixelShuffle } from "../../operators/index.js";
import { shuffleFactor } from "../subpixel.js";
import { compose, composition, filtersForOneShuffle, mapBeforeShuffle, shapeBeforeShuffle } from "./compose.js";
import { type LinearMap, linearMapOf, type MapShape, mapShapeOf } from "./linear-map.js";

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
  /** Pixels at each side of the graph's outputs that differ. */
  readonly border: number;
}

/** Links that are tried as one, at most: kernels grow with each. */
const MOST_LINKS = 16;

/**
 * The graph with neighbouring convolutions merged where that costs fewer operations.
 * @param most pixels at each side of the outputs that may differ
 * @returns how many do
 */
export function mergeChains(source: Graph, most: number): { graph: Graph; border: number } {
  const mergers = chainsOf(source).flatMap(bestMergers(source, most));
  if (mergers.length === 0) return { graph: source, border: 0 };
  const written = new Map(mergers.map((merger) => [(merger.links.at(-1) as Link).node, merger]));
  const gone = new Set(
    mergers.flatMap(({ links }) => links.flatMap(({ node, between }, i) => (i === 0 ? [node] : [...between, node]))),
  );
  const graph = rewriteLazily(source, (target, imageOf) => (node) => {
    const merger = written.get(node);
    if (!merger) return gone.has(node) ? [] : undefined;
    const { links } = merger;
    const [first] = links as readonly [Link];
    const name = links.map(layerName).join("+");
    const made = convolution(target, imageOf(first.node.inputs[0] as Value), mergedMap(links), name);
    const r = links.slice(1).reduce((product, { factors }) => factors.reduce((a, b) => a * b, product), 1);
    return [r === 1 ? made : pixelShuffle(made, r)];
  });
  return { graph, border: Math.max(...mergers.map(({ border }) => border)) };
}

const layerName = ({ node }: Link): string => (node.inputs[1] as Value).name.replace(/\.weight$/, "");

/** Adds a convolution to a graph. */
export function convolution(graph: Graph, x: Value, map: LinearMap, name: string): Value {
  const parameters = [
    graph.constant(Float32Array.from(map.kernel), map.weight, { name: graph.unusedName(`${name}.weight`) }),
    graph.constant(Float32Array.from(map.bias), [map.bias.length], { name: graph.unusedName(`${name}.bias`) }),
  ];
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

/** Which links of a chain to merge for the fewest operations, by dynamic programming over where its parts begin. */
function bestMergers(graph: Graph, most: number): (chain: readonly Link[]) => Merger[] {
  let sights: ReturnType<typeof outputSights> | undefined;
  const borderOf = (value: Value, width: number): number => {
    if (width === 0) return 0;
    sights ??= outputSights(graph);
    return outputBorder(sights, value, width);
  };
  return (chain) => {
    const best: { macs: number; from: number; border: number }[] = [{ macs: 0, from: 0, border: 0 }];
    chain.forEach((_, start) => {
      const before = (best[start] as (typeof best)[number]).macs;
      let run: Run | undefined;
      for (let end = start; end < Math.min(chain.length, start + MOST_LINKS); end++) {
        const link = chain[end] as Link;
        run = run ? extended(run, link) : { shape: link.shape, ring: 0 };
        if (!run) return;
        const output = link.node.outputs[0] as Value;
        const macs = before + multiplyAccumulates(run.shape, output);
        if (macs >= (best[end + 1]?.macs ?? Number.POSITIVE_INFINITY)) continue;
        const border = borderOf(output, run.ring);
        if (border <= most) best[end + 1] = { macs, from: start, border };
      }
    });
    const mergers: Merger[] = [];
    for (let end = chain.length; end > 0; ) {
      const { from, border } = best[end] as (typeof best)[number];
      if (end - from > 1) mergers.push({ links: chain.slice(from, end), border });
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

function extended({ shape, ring }: Run, { shape: own, factors }: Link): Run | undefined {
  const outer = factors.reduceRight<MapShape | undefined>((map, r) => map && shapeBeforeShuffle(map, r), own);
  const composed = outer && composition(shape, outer);
  if (!composed) return undefined;
  const wide = factors.reduce((width, r) => width * r, ring);
  const reached = wide > 0 || !composed.isExact ? wide + Math.max(...own.pads) : 0;
  return { shape: composed.map, ring: Math.ceil(reached / Math.min(...own.strides)) };
}

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
