import { GraphError } from "../errors.js";
import { intOr, type Node, type Value } from "../graph/index.js";
import { windowOf } from "./windows.js";

/** The window of a two-dimensional convolution or pooling, and its groups. */
export interface ConvolutionGeometry {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Top, left, bottom, right. */
  readonly pads: Border;
  readonly group: number;
}

type Pair = [number, number];

/** Top, left, bottom, right. */
export type Border = readonly [number, number, number, number];

export function geometryOf(node: Pick<Node, "attributes" | "inputs">): ConvolutionGeometry {
  const { kernel, strides, dilations, pads } = windowOf(node);
  return {
    kernel: kernel as Pair,
    strides: strides as Pair,
    dilations: dilations as Pair,
    pads: pads as unknown as Border,
    group: intOr(node.attributes, "group", 1),
  };
}

/** Whether the convolution has stride 1, dilation 1 and one group: the case that all SR networks live on. */
export const isPlain = ({ strides, dilations, group }: ConvolutionGeometry): boolean =>
  group === 1 && strides.every((s) => s === 1) && dilations.every((d) => d === 1);

/** Pads of the convolution that is the adjoint of one of stride 1: (kernel − 1)·dilation − pad. Negative where the pad was larger. */
export function adjointPads({ kernel, dilations, pads }: ConvolutionGeometry): Border {
  const [high, wide] = [(kernel[0] - 1) * dilations[0], (kernel[1] - 1) * dilations[1]];
  return [high - pads[0], wide - pads[1], high - pads[2], wide - pads[3]];
}

export const shape4 = ({ shape }: Value): [number, number, number, number] =>
  shape as unknown as [number, number, number, number];

/** @throws GraphError for a node that is asked for its gradient over one axis or three */
export function requirePlanes({ operator, outputs }: Node): void {
  const output = outputs[0] as Value;
  if (output.shape.length === 4) return;
  throw new GraphError(`${operator.name} (output ${output.name}) has a gradient rule for [N, C, H, W] only`);
}
