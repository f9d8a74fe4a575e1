import {
  alongBoth,
  elements,
  type Graph,
  isKnown,
  liveNodes,
  type Node,
  type Sight,
  type Span,
  type Spans,
  sameShape,
  union,
  type Value,
} from "../graph/index.js";

/** What a graph's outputs depend on of each value that they depend on. */
export type OutputSights = ReadonlyMap<Value, Sight>;

const POINT: Spans = [
  { step: 1, low: 0, high: 0 },
  { step: 1, low: 0, high: 0 },
];

export function outputSights(graph: Graph): OutputSights {
  const sights = new Map<Value, Sight>([...graph.outputs.values()].map((value) => [value, POINT]));
  for (const node of liveNodes(graph).toReversed()) {
    for (const x of new Set(node.inputs)) {
      if (!x || isKnown(x)) continue;
      const near = sightOfOne(node, x);
      for (const output of node.outputs) {
        const far = sights.get(output);
        if (far === undefined || isKnown(output)) continue;
        const through = near === "all" || far === "all" ? "all" : chained(near, far);
        sights.set(x, joined(sights.get(x), through));
      }
    }
  }
  return sights;
}

/**
 * Pixels at each side of the outputs that depend on `width` pixels along the value's border; none where nothing depends on it.
 * Infinity where they are all.
 */
export function outputBorder(sights: OutputSights, value: Value, width: number): number {
  const sight = sights.get(value);
  if (width === 0 || sight === undefined) return 0;
  if (sight === "all") return Number.POSITIVE_INFINITY;
  // Output i sees pixels step · i + low … step · i + high. Steps like 1/3 are not exact.
  const tolerance = 1e-6;
  return Math.max(
    0,
    ...sight.map(({ step, low, high }) =>
      Math.max(Math.floor((width - 1 - low) / step + tolerance) + 1, Math.floor((width + high) / step + tolerance)),
    ),
  );
}

/** What a node's output depends on of one of its inputs. */
function sightOfOne(node: Node, x: Value): Sight {
  const inputs = node.inputs.map((value) => (value === x ? POINT : undefined));
  if (!node.operator.elementwise) return node.operator.reach?.(node, inputs) ?? "all";
  const [output] = node.outputs as readonly [Value, ...Value[]];
  const inPlace = sameShape(output.shape.slice(-2), x.shape.slice(-2)) && elements(x.shape) > 1;
  return inPlace ? POINT : "all";
}

/** What is seen through what is seen. */
const chained = (near: Spans, far: Spans): Spans =>
  alongBoth(far, (span, axis): Span => {
    const { step, low, high } = near[axis];
    return { step: step * span.step, low: step * span.low + low, high: step * span.high + high };
  });

const joined = (known: Sight | undefined, other: Sight): Sight =>
  known === "all" || other === "all" ? "all" : union([known, other]);
