import {
  type Attributes,
  alongBoth,
  intOr,
  ints,
  intsOr,
  type Node,
  type Operands,
  type Sight,
  type Spans,
  textOr,
} from "../graph/index.js";

export interface WindowOptions {
  /** Begins of each spatial axis, then ends. */
  pads?: readonly number[];
  strides?: readonly number[];
  dilations?: readonly number[];
}

export function windowAttributes({ pads, strides, dilations }: WindowOptions): Attributes {
  return {
    ...(pads && { pads: ints(pads) }),
    ...(strides && { strides: ints(strides) }),
    ...(dilations && { dilations: ints(dilations) }),
  };
}

/** The window of a convolution or pooling over the last axes of an NCHW tensor. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Begins of all axes, then ends. */
  readonly pads: readonly number[];
}

export function readWindow(operands: Operands, kernel: readonly number[]): Window {
  const { attributes } = operands;
  const autoPad = textOr(attributes, "auto_pad", "NOTSET");
  if (autoPad !== "NOTSET" && autoPad !== "VALID") operands.fail(`auto_pad ${autoPad} is not supported; write pads`);
  const rank = kernel.length;
  const read: Window = {
    kernel,
    strides: intsOr(attributes, "strides", Array(rank).fill(1)),
    dilations: intsOr(attributes, "dilations", Array(rank).fill(1)),
    pads: intsOr(attributes, "pads", Array(2 * rank).fill(0)),
  };
  if (read.strides.length !== rank || read.dilations.length !== rank || read.pads.length !== 2 * rank) {
    operands.fail(`strides, dilations or pads don't have the kernel's ${rank} axes`);
  }
  if ([...kernel, ...read.strides, ...read.dilations].some((size) => size < 1) || read.pads.some((pad) => pad < 0)) {
    operands.fail("kernel, strides and dilations must be at least 1, pads at least 0");
  }
  return read;
}

/** How many places the window has along axes of the given sizes. */
export function slide(operands: Operands, sizes: readonly number[], kernel: readonly number[]): number[] {
  const { strides, dilations, pads } = readWindow(operands, kernel);
  const partial = intOr(operands.attributes, "ceil_mode", 0) !== 0;
  return sizes.map((size, i) => {
    const extent = ((kernel[i] as number) - 1) * (dilations[i] as number) + 1;
    const [stride, before] = [strides[i] as number, pads[i] as number];
    const room = size + before + (pads[i + kernel.length] as number) - extent;
    if (room < 0) operands.fail(`a kernel of extent ${extent} doesn't fit size ${size} with its padding`);
    const whole = Math.floor(room / stride) + 1;
    // A window that hangs over the end counts if it starts before the padding there.
    return partial && room % stride > 0 && whole * stride < size + before ? whole + 1 : whole;
  });
}

interface WindowOfAxis {
  readonly extent: number;
  readonly stride: number;
  readonly before: number;
}

function windowOf({ attributes, inputs }: Node, axis: 0 | 1): WindowOfAxis {
  const kernel = intsOr(attributes, "kernel_shape", inputs[1]?.shape.slice(2) ?? []);
  const at = (name: string, otherwise: number) => intsOr(attributes, name, [otherwise, otherwise])[axis] ?? otherwise;
  return {
    extent: ((kernel[axis] ?? 1) - 1) * at("dilations", 1),
    stride: at("strides", 1),
    before: at("pads", 0),
  };
}

/** Output i sees inputs i − before … i − before + extent. A larger stride would tie tiles to a grid. */
export function windowReach(node: Node, spans: Spans): Sight {
  if ([0, 1].some((axis) => windowOf(node, axis as 0 | 1).stride > 1)) return "all";
  return alongBoth(spans, ({ step, low, high }, axis) => {
    const { extent, before } = windowOf(node, axis);
    return { step, low: low - step * before, high: high + step * (extent - before) };
  });
}

/** Output i sees inputs (i + before − extent) / stride … (i + before) / stride. */
export function transposedReach(node: Node, spans: Spans): Sight {
  return alongBoth(spans, ({ step, low, high }, axis) => {
    const { extent, stride, before } = windowOf(node, axis);
    const fine = step / stride;
    return { step: fine, low: low + fine * (before - extent), high: high + fine * before };
  });
}
