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
  type Value,
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

/**
 * The window over axes of the given sizes, its pads as stated or as `auto_pad` says: SAME gives an axis ⌈size / stride⌉ places and
 * puts the larger half of an odd pad at its end (UPPER) or its begin (LOWER).
 */
function windowOver(attributes: Attributes, kernel: readonly number[], sizes: readonly number[]): Window {
  const rank = kernel.length;
  const strides = intsOr(attributes, "strides", Array(rank).fill(1));
  const dilations = intsOr(attributes, "dilations", Array(rank).fill(1));
  const window = { kernel, strides, dilations };
  const mode = automaticPads(attributes);
  if (mode === undefined) return { ...window, pads: intsOr(attributes, "pads", Array(2 * rank).fill(0)) };
  if (mode === "VALID") return { ...window, pads: Array(2 * rank).fill(0) };
  const totals = sizes.map((size, i) => {
    const stride = strides[i] as number;
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + extentOf(window, i) - size);
  });
  return { ...window, pads: shared(totals, mode === "SAME_LOWER") };
}

/** Totals of pads as begins, then ends. */
export function shared(totals: readonly number[], more: boolean): number[] {
  const begins = totals.map((total) => (more ? Math.ceil : Math.floor)(total / 2));
  return [...begins, ...totals.map((total, i) => total - (begins[i] as number))];
}

/** What `auto_pad` asks for; undefined where pads are stated. */
export function automaticPads(attributes: Attributes): string | undefined {
  const mode = textOr(attributes, "auto_pad", "NOTSET");
  return mode === "NOTSET" ? undefined : mode;
}

/** How far the window reaches along an axis. */
export const extentOf = ({ kernel, dilations }: Pick<Window, "kernel" | "dilations">, axis: number): number =>
  ((kernel[axis] as number) - 1) * (dilations[axis] as number) + 1;

/** The window of a node, which slides over its first input. */
export function windowOf({ attributes, inputs }: Pick<Node, "attributes" | "inputs">): Window {
  const kernel = intsOr(attributes, "kernel_shape", inputs[1]?.shape.slice(2) ?? []);
  return windowOver(attributes, kernel, (inputs[0] as Value).shape.slice(2));
}

/** A node's attributes with its window's kernel and pads written out, for what sees another input. */
export function explicitWindow(node: Pick<Node, "attributes" | "inputs">): Attributes {
  const { auto_pad: _, ...rest } = node.attributes;
  const { kernel, pads } = windowOf(node);
  return { ...rest, kernel_shape: ints(kernel), pads: ints(pads) };
}

/** @throws GraphError for a window that can't slide */
export function checkWindow(operands: Operands, { kernel, strides, dilations, pads }: Window): void {
  const rank = kernel.length;
  const mode = automaticPads(operands.attributes);
  if (mode !== undefined && !["VALID", "SAME_UPPER", "SAME_LOWER"].includes(mode)) {
    operands.fail(`auto_pad ${mode} is not NOTSET, VALID, SAME_UPPER or SAME_LOWER`);
  }
  if (mode !== undefined && "pads" in operands.attributes) operands.fail(`has both pads and auto_pad ${mode}`);
  if (strides.length !== rank || dilations.length !== rank || pads.length !== 2 * rank) {
    operands.fail(`strides, dilations or pads don't have the kernel's ${rank} axes`);
  }
  if ([...kernel, ...strides, ...dilations].some((size) => size < 1) || pads.some((pad) => pad < 0)) {
    operands.fail("kernel, strides and dilations must be at least 1, pads at least 0");
  }
}

/** How many places the window has along axes of the given sizes. */
export function slide(operands: Operands, sizes: readonly number[], kernel: readonly number[]): number[] {
  const window = windowOver(operands.attributes, kernel, sizes);
  checkWindow(operands, window);
  const { strides, pads } = window;
  const partial = intOr(operands.attributes, "ceil_mode", 0) !== 0;
  return sizes.map((size, i) => {
    const extent = extentOf(window, i);
    const [stride, before] = [strides[i] as number, pads[i] as number];
    const room = size + before + (pads[i + kernel.length] as number) - extent;
    if (room < 0) operands.fail(`a kernel of extent ${extent} doesn't fit size ${size} with its padding`);
    const whole = Math.floor(room / stride) + 1;
    // A window that hangs over the end counts if it starts before the padding there.
    return partial && room % stride > 0 && whole * stride < size + before ? whole + 1 : whole;
  });
}

/** Output i sees inputs i − before … i − before + extent − 1. A larger stride would tie tiles to a grid. */
export function windowReach(node: Node, spans: Spans): Sight {
  const window = windowOf(node);
  if (window.strides.some((stride) => stride > 1)) return "all";
  return alongBoth(spans, ({ step, low, high }, axis) => {
    const before = window.pads[axis] as number;
    return { step, low: low - step * before, high: high + step * (extentOf(window, axis) - 1 - before) };
  });
}

/** Where a transposed convolution's outputs lie. */
export interface TransposedWindow extends Window {
  /** Of the output's axes. */
  readonly sizes: readonly number[];
  /** How far the last input's window reaches past the output's end; negative where outputs follow that no input adds to. */
  readonly overhang: readonly number[];
}

/**
 * Input i adds to outputs stride · i − before + dilation · k. Pads are as stated, or such that the output has the size that
 * `output_shape` names or, with `auto_pad` SAME, stride · size.
 */
export function transposedWindowOf({ attributes, inputs }: Pick<Node, "attributes" | "inputs">): TransposedWindow {
  const kernel = intsOr(attributes, "kernel_shape", inputs[1]?.shape.slice(2) ?? []);
  const given = (inputs[0] as Value).shape.slice(2);
  const { auto_pad: _, ...rest } = attributes;
  const window = windowOver(rest, kernel, given);
  const extra = intsOr(attributes, "output_padding", Array(kernel.length).fill(0));
  const reached = given.map((size, i) => (size - 1) * (window.strides[i] as number) + extentOf(window, i));
  const full = reached.map((size, i) => size + (extra[i] ?? 0));
  const mode = automaticPads(attributes);
  const same = mode === "SAME_UPPER" || mode === "SAME_LOWER";
  const stated = attributes.output_shape && intsOr(attributes, "output_shape", []);
  const wanted = stated ?? (same ? given.map((size, i) => size * (window.strides[i] as number)) : undefined);
  const totals = wanted && full.map((size, i) => Math.max(0, size - (wanted[i] as number)));
  const none = mode === "VALID" ? [...kernel, ...kernel].map(() => 0) : undefined;
  const pads = totals ? shared(totals, mode !== "SAME_UPPER") : (none ?? window.pads);
  const left = full.map((size, i) => size - (pads[i] as number) - (pads[i + kernel.length] as number));
  const sizes = stated ?? left;
  const overhang = reached.map((size, i) => size - (pads[i] as number) - (sizes[i] as number));
  return { ...window, pads, sizes, overhang };
}

/** Output i sees inputs (i + before − extent + 1) / stride … (i + before) / stride. */
export function transposedReach(node: Node, spans: Spans): Sight {
  const window = transposedWindowOf(node);
  return alongBoth(spans, ({ step, low, high }, axis) => {
    const before = window.pads[axis] as number;
    const fine = step / (window.strides[axis] as number);
    return { step: fine, low: low + fine * (before - extentOf(window, axis) + 1), high: high + fine * before };
  });
}
