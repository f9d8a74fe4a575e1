import { convolution } from "../export/merge/chains.js";
import { compose, composition } from "../export/merge/compose.js";
import { type LinearMap, linearMapOf, type MapShape, mapShapeOf } from "../export/merge/linear-map.js";
import { applyLike, elements, type Graph, type Node, rewriteLazily, type Value } from "../graph/index.js";
import { concat, slice } from "../operators/index.js";
import { straightNodes } from "./straight-nodes.js";

export interface ComposedLinearPart {
  readonly graph: Graph;
  /** Pixels that images must have along a side, at least. */
  readonly least: number;
}

/** A convolution of a convolution of the image, and the convolution that is both. */
interface Pair {
  readonly inner: Node;
  readonly outer: Node;
  readonly map: LinearMap;
  /** Rows at each side whose value another one would be; see `composition`. */
  readonly ring: number;
  /** Rows of the image at a side that these depend on. */
  readonly strip: number;
}

/**
 * The same network with convolutions of convolutions of the image as one, where that costs fewer operations, though the inner one's
 * output is read elsewhere too: the linear part of a network of residuals, whose features the rest begins with. The border, where the zeros
 * around these features count, comes of both as they were, on strips of the image along its sides.
 */
export function composeLinearPart(source: Graph): ComposedLinearPart {
  const pairs = new Map(
    [...straightNodes(source).terms].flatMap((node) => {
      const pair = pairOf(node);
      return pair ? [[node, pair] as const] : [];
    }),
  );
  if (pairs.size === 0) return { graph: source, least: 1 };
  const graph = rewriteLazily(source, (target, imageOf) => (node) => {
    const pair = pairs.get(node);
    return pair && [composed(target, pair, imageOf)];
  });
  return { graph, least: Math.max(...[...pairs.values()].map(({ ring }) => 2 * ring + 1)) };
}

function pairOf(outer: Node): Pair | undefined {
  const inner = outer.inputs[0]?.producer;
  const shapes = [inner, outer].map((node) => node && mapShapeOf(node));
  const [first, second] = shapes;
  if (!inner || !first || !second || ![first, second].every(keepsSize)) return undefined;
  const both = composition(first, second);
  if (!both || elements(both.map.weight) >= elements(second.weight)) return undefined;
  const map = compose(linearMapOf(inner, first), linearMapOf(outer, second), both.map);
  const ring = both.isExact ? 0 : second.pads[0];
  return { inner, outer, map, ring, strip: 2 * ring + first.pads[0] };
}

/** Whether as much is added at each side as a kernel of an odd side takes away. */
const keepsSize = ({ weight: [, , height, width], strides, dilations, pads }: MapShape): boolean =>
  height === width &&
  [...strides, ...dilations].every((size) => size === 1) &&
  pads.every((pad) => pad === (height - 1) / 2);

const [ROWS, COLUMNS] = [2, 3];

function composed(target: Graph, { inner, outer, map, ring, strip }: Pair, imageOf: (value: Value) => Value): Value {
  const image = imageOf(inner.inputs[0] as Value);
  const name = (outer.inputs[1] as Value).name.replace(/\.weight$/, "");
  const pads = map.pads.map((pad) => pad - ring) as unknown as MapShape["pads"];
  const within = convolution(target, image, { ...map, pads }, `${name}.composed`);
  if (ring === 0) return within;
  const parameters = (node: Node) => node.inputs.slice(1).map((value) => value && imageOf(value));
  /** The first pixels along an axis, or the last, as both convolutions make them. */
  const side = (axis: number, isFirst: boolean): Value => {
    const part = (x: Value, size: number) =>
      slice(x, [isFirst ? { axis, start: 0, end: size } : { axis, start: -size, end: END }]);
    const [features] = applyLike(inner, target, [part(image, strip), ...parameters(inner)]);
    const [made] = applyLike(outer, target, [features as Value, ...parameters(outer)]);
    return part(made as Value, ring);
  };
  const rowsWithin = (x: Value) => slice(x, [{ axis: ROWS, start: ring, end: -ring }]);
  const middle = concat([rowsWithin(side(COLUMNS, true)), within, rowsWithin(side(COLUMNS, false))], COLUMNS);
  return concat([side(ROWS, true), middle, side(ROWS, false)], ROWS);
}

/** Behind the last pixel of any image. */
const END = 2 ** 31 - 1;
