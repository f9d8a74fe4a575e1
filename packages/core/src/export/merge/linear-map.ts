import { intOr, type Node, type Value } from "../../graph/index.js";
import { Conv } from "../../operators/index.js";
import { automaticPads, windowOf } from "../../operators/windows.js";

/** What a convolution of images is, save its numbers. */
export interface MapShape {
  /** [filters, channels of a group, height, width] */
  readonly weight: readonly [number, number, number, number];
  readonly group: number;
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Zeros above, to the left, below and to the right. */
  readonly pads: readonly [number, number, number, number];
  /** Whether it makes nothing of nothing: its bias is 0. */
  readonly isSilent: boolean;
}

/** A convolution in double precision. */
export interface LinearMap extends MapShape {
  readonly kernel: Float64Array;
  readonly bias: Float64Array;
}

/** What a node is if it is a convolution of images by constants, whatever their size. */
export function mapShapeOf(node: Node): MapShape | undefined {
  const [, weight, bias] = node.inputs;
  if (node.operator !== Conv || weight?.shape.length !== 4 || !isFloats(weight) || (bias && !isFloats(bias))) {
    return undefined;
  }
  const { strides, dilations, pads } = windowOf(node);
  const followsSize = automaticPads(node.attributes) !== undefined && strides.some((stride) => stride > 1);
  if (followsSize) return undefined;
  return {
    weight: weight.shape as unknown as MapShape["weight"],
    group: intOr(node.attributes, "group", 1),
    strides: strides as unknown as MapShape["strides"],
    dilations: dilations as unknown as MapShape["dilations"],
    pads: pads as unknown as MapShape["pads"],
    isSilent: !bias || (bias.data as Float32Array).every((b) => b === 0),
  };
}

/** @param node a convolution of this shape */
export function linearMapOf({ inputs: [, weight, bias] }: Node, shape: MapShape): LinearMap {
  return {
    ...shape,
    kernel: Float64Array.from(weight?.data as Float32Array),
    bias: bias ? Float64Array.from(bias.data as Float32Array) : new Float64Array(shape.weight[0]),
  };
}

/** The identity on as many channels, in as many groups. */
export function identityMap(channels: number, group: number): LinearMap {
  const each = channels / group;
  const kernel = new Float64Array(channels * each);
  for (let c = 0; c < channels; c++) kernel[c * each + (c % each)] = 1;
  return {
    weight: [channels, each, 1, 1],
    group,
    strides: [1, 1],
    dilations: [1, 1],
    pads: [0, 0, 0, 0],
    isSilent: true,
    kernel,
    bias: new Float64Array(channels),
  };
}

/** Whether pixels go through singly. */
export const isPointwise = ({ weight: [, , height, width] }: MapShape): boolean => height === 1 && width === 1;

/** Whether images stay as large as they are. */
export const keepsSize = ({ weight: [, , height, width], strides, dilations, pads }: MapShape): boolean =>
  strides.every((stride) => stride === 1) &&
  [height, width].every((side, axis) =>
    [pads[axis], pads[axis + 2]].every((pad) => 2 * (pad as number) === (side - 1) * (dilations[axis] as number)),
  );

/** Whether a value is a constant of single precision. */
const isFloats = ({ data }: Value): boolean => data instanceof Float32Array;
