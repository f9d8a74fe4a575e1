import { integersOf, type Value } from "../../graph/index.js";
import { concat, Slice, slice } from "../../operators/index.js";
import type { MapShape } from "./linear-map.js";

/** A linear stretch that is computed as one convolution, save along the border. */
export interface OwnBorder {
  /** What the stretch reads, and what the one convolution makes of it, both [N, C, H, W]. */
  readonly x: Value;
  readonly merged: Value;
  /** The stretch itself, of any image. */
  readonly stretch: (x: Value) => Value;
  /** Pixels at each side of the output that the one convolution has otherwise. */
  readonly ring: number;
  /** Rows and columns of x that these depend on. */
  readonly depth: number;
}

const [HEIGHT, WIDTH] = [2, 3] as const;
/** To the end of an axis. */
const END = 2 ** 31 - 1;

/** The merged stretch's output whose border the stretch itself makes, of strips of x along its sides. H and W of the output are at least 2 · ring. */
export function withOwnBorder({ x, merged, stretch, ring, depth }: OwnBorder): Value {
  const first = (axis: number, length: number) => ({ axis, start: 0, end: length });
  const last = (axis: number, length: number) => ({ axis, start: -length, end: END });
  const inner = (axis: number) => ({ axis, start: ring, end: -ring });
  const rows = [first, last].map((part) => slice(stretch(slice(x, [part(HEIGHT, depth)])), [part(HEIGHT, ring)]));
  const columns = [first, last].map((part) =>
    slice(stretch(slice(x, [part(WIDTH, depth)])), [inner(HEIGHT), part(WIDTH, ring)]),
  );
  const middle = slice(merged, [inner(HEIGHT), inner(WIDTH)]);
  const [above, below] = rows as [Value, Value];
  const [left, right] = columns as [Value, Value];
  return concat([above, concat([left, middle, right], WIDTH), below], HEIGHT);
}

/** Rows of x that the outermost `ring` rows depend on of an image that one convolution and a shuffle of `factor` make of x. */
export const depthOfRing = ({ pads }: MapShape, ring: number, factor: number): number =>
  Math.floor((ring - 1) / factor) + Math.max(...pads) + 1;

/** Whether an image is a strip of another: its border is made already. */
export const isStrip = ({ producer }: Value): boolean =>
  producer?.operator === Slice && (integersOf(producer.inputs[3]) ?? [HEIGHT]).some((axis) => axis >= HEIGHT);
