import {
  consumersOf,
  elements,
  type Graph,
  liveNodes,
  type Node,
  rewriteLazily,
  sameShape,
  type Value,
} from "../../graph/index.js";
import { Add, Sub } from "../../operators/index.js";
import { convolution } from "./chains.js";
import { sumOf, sumShape } from "./compose.js";
import { identityMap, type LinearMap, linearMapOf, type MapShape, mapShapeOf } from "./linear-map.js";

/** An operand of a sum: a convolution of x, or x itself. */
interface Branch {
  readonly x: Value;
  readonly convolution?: { readonly node: Node; readonly shape: MapShape };
}

/** A sum of branches of one x, as one convolution. */
interface Merger {
  readonly branches: readonly [Branch, Branch];
  readonly maps: () => readonly [LinearMap, LinearMap];
  readonly shape: MapShape;
}

/** The graph with sums of convolutions of one value, or of it and its convolution, as one where that costs no more operations. */
export function mergeSums(source: Graph): Graph {
  const nodes = liveNodes(source);
  const consumers = consumersOf(nodes);
  const outputs = new Set(source.outputs.values());
  const isReadOnce = (value: Value) => consumers.get(value)?.length === 1 && !outputs.has(value);
  const mergers = new Map(
    nodes.flatMap((node) => {
      const merger = mergerOf(node, isReadOnce);
      return merger ? [[node, merger]] : [];
    }),
  );
  if (mergers.size === 0) return source;
  const gone = new Set(
    [...mergers.values()].flatMap(({ branches }) => branches.map((branch) => branch.convolution?.node)),
  );
  return rewriteLazily(source, (target, imageOf) => (node) => {
    const merger = mergers.get(node);
    if (!merger) return gone.has(node) ? [] : undefined;
    const { branches, maps, shape } = merger;
    const map = sumOf(...maps(), node.operator === Sub ? -1 : 1, shape);
    const name = branches.flatMap((branch) => branch.convolution?.node.inputs[1]?.name.replace(/\.weight$/, "") ?? []);
    return [convolution(target, imageOf(branches[0].x), map, name.join("+"))];
  });
}

function mergerOf(node: Node, isReadOnce: (value: Value) => boolean): Merger | undefined {
  const [left, right] = node.inputs;
  if ((node.operator !== Add && node.operator !== Sub) || !left || !right || !sameShape(left.shape, right.shape)) {
    return undefined;
  }
  const options = [left, right].map((value) => branchesOf(value, isReadOnce));
  for (const one of options[0] as Branch[]) {
    for (const other of options[1] as Branch[]) {
      const merger = one.x === other.x && mergerOfBranches([one, other]);
      if (merger) return merger;
    }
  }
  return undefined;
}

/** What a value is: a convolution, where nothing else reads it, and itself. */
function branchesOf(value: Value, isReadOnce: (value: Value) => boolean): Branch[] {
  const node = value.producer;
  const shape = node && isReadOnce(value) ? mapShapeOf(node) : undefined;
  return [...(node && shape ? [{ x: node.inputs[0] as Value, convolution: { node, shape } }] : []), { x: value }];
}

function mergerOfBranches(branches: readonly [Branch, Branch]): Merger | undefined {
  const convolutions = branches.flatMap((branch) => branch.convolution ?? []);
  const [first] = convolutions;
  if (!first) return undefined;
  const { group } = first.shape;
  const channels = branches[0].x.shape[1] as number;
  const shapeOf = ({ convolution }: Branch) => convolution?.shape ?? identityMap(channels, group);
  const shape = sumShape(shapeOf(branches[0]), shapeOf(branches[1]));
  const apart = convolutions.reduce((sum, { shape: { weight } }) => sum + elements(weight), 0);
  if (!shape || elements(shape.weight) > apart) return undefined;
  const mapOf = ({ convolution }: Branch) =>
    convolution ? linearMapOf(convolution.node, convolution.shape) : identityMap(channels, group);
  return { branches, maps: () => [mapOf(branches[0]), mapOf(branches[1])], shape };
}
