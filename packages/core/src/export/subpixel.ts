import { type Graph, intOr, intsOr, type Node, rewrite, sameShape, textOr, type Value } from "../graph/index.js";
import { Add, Conv, concat, conv, DepthToSpace, pixelShuffle } from "../operators/index.js";

/** A square kernel of odd side: [filters, channels, side, side]. */
export interface Kernel<Data extends Float32Array | Float64Array = Float32Array> {
  readonly shape: readonly number[];
  readonly data: Data;
}

/**
 * A shuffle of many channels costs more than the convolution to an image that follows it. Up to this many filters (two
 * blocks of 16; RGB at ×3 has 27) the convolution goes first, and the shuffle moves the image alone.
 */
const MOST_FILTERS = 32;

/** The factor of the pixel shuffle that makes x, where the convolution that reads x had better go before it. */
export function shuffleToSwap(x: Value, convolution: Node): number | undefined {
  const shuffle = x.producer && shuffleFactor(x.producer);
  const filters = convolution.inputs[1]?.shape[0] ?? 0;
  return shuffle && keepsSize(convolution) && filters * shuffle ** 2 <= MOST_FILTERS ? shuffle : undefined;
}

/** The factor of a pixel shuffle in PyTorch's order; undefined for other nodes. */
export function shuffleFactor({ operator, attributes }: Node): number | undefined {
  const isShuffle = operator === DepthToSpace && textOr(attributes, "mode", "DCR") === "CRD";
  return isShuffle ? intOr(attributes, "blocksize", 1) : undefined;
}

/** Whether a convolution has a square kernel of odd side, stride 1 and as many zeros around the image as keep its size. */
function keepsSize({ inputs, attributes }: Node): boolean {
  const [height = 0, width = 0] = inputs[1]?.shape.slice(2) ?? [];
  const pad = (height - 1) / 2;
  return (
    height === width &&
    Number.isInteger(pad) &&
    intOr(attributes, "group", 1) === 1 &&
    textOr(attributes, "auto_pad", "NOTSET") === "NOTSET" &&
    sameShape(intsOr(attributes, "strides", [1, 1]), [1, 1]) &&
    sameShape(intsOr(attributes, "dilations", [1, 1]), [1, 1]) &&
    sameShape(intsOr(attributes, "pads", [0, 0, 0, 0]), [pad, pad, pad, pad])
  );
}

/** The graph with convolutions that were put before a pixel shuffle back behind it: what the network is said to cost. */
export function behindShuffles(source: Graph): Graph {
  return rewrite(source, (target) => (node, inputs) => {
    const r = shuffleFactor(node);
    const whole = r === undefined ? undefined : wholeConvolution(node.inputs[0], inputs[0]);
    const kernel = whole && r !== undefined && kernelBehindShuffle(whole.kernel, r);
    if (!kernel || r === undefined) return undefined;
    const biases = whole.bias.filter((_, i) => i % r ** 2 === 0);
    if (whole.bias.some((value, i) => value !== biases[Math.floor(i / r ** 2)])) return undefined;
    const pad = ((kernel.shape[2] as number) - 1) / 2;
    const parameters = [target.constant(kernel.data, kernel.shape), target.constant(biases, [biases.length])] as const;
    return [conv(pixelShuffle(concat(whole.inputs, 1), r), ...parameters, { pads: [pad, pad, pad, pad] })];
  });
}

interface WholeConvolution {
  /** In the graph that inputs are wanted of. */
  readonly inputs: readonly Value[];
  readonly kernel: Kernel;
  readonly bias: Float32Array;
}

/** Convolutions in a sum, at most: sums of sums would be written out many times over. */
const MOST_TERMS = 256;

/** What a sum of convolutions amounts to: one of all their inputs. `copy` is the same sum in the graph that inputs are wanted of. */
function wholeConvolution(value: Value | undefined, copy: Value | undefined): WholeConvolution | undefined {
  const waiting = [[value, copy] as const];
  let whole: WholeConvolution | undefined;
  let terms = 0;
  for (let term = waiting.pop(); term; term = waiting.pop()) {
    const [node, twin] = [term[0]?.producer, term[1]?.producer];
    if (waiting.length + terms > MOST_TERMS) return undefined;
    if (node?.operator === Add) {
      waiting.push([node.inputs[1], twin?.inputs[1]], [node.inputs[0], twin?.inputs[0]]);
      continue;
    }
    const next = convolutionOf(node, twin);
    if (!next || (whole && !sameShape(whole.kernel.shape.slice(2), next.kernel.shape.slice(2)))) return undefined;
    whole = whole ? sum(whole, next) : next;
    terms++;
  }
  return whole;
}

const sum = (left: WholeConvolution, right: WholeConvolution): WholeConvolution => ({
  inputs: [...left.inputs, ...right.inputs],
  kernel: joined(left.kernel, right.kernel),
  bias: left.bias.map((b, i) => b + (right.bias[i] ?? 0)),
});

function convolutionOf(node: Node | undefined, twin: Node | undefined): WholeConvolution | undefined {
  const [x, weight, bias] = node?.inputs ?? [];
  const input = twin?.inputs[0];
  if (node?.operator !== Conv || !keepsSize(node) || !x || !input || !weight) return undefined;
  const { data, shape } = weight;
  const offsets = bias ? bias.data : new Float32Array(shape[0] ?? 0);
  if (!(data instanceof Float32Array && offsets instanceof Float32Array)) return undefined;
  return { inputs: [input], kernel: { shape, data }, bias: offsets };
}

/** Two kernels of as many filters as one that reads the channels of both. */
function joined(left: Kernel, right: Kernel): Kernel {
  const [filters = 0, channels = 0, ...sides] = left.shape;
  const data = new Float32Array(left.data.length + right.data.length);
  const [a, b] = [left.data.length / filters, right.data.length / filters];
  for (let f = 0; f < filters; f++) {
    data.set(left.data.subarray(f * a, (f + 1) * a), f * (a + b));
    data.set(right.data.subarray(f * b, (f + 1) * b), f * (a + b) + a);
  }
  return { shape: [filters, channels + (right.shape[1] ?? 0), ...sides], data };
}

/**
 * The kernel V that does before a pixel shuffle of r what W does behind it: shuffle(V ∗ x) = W ∗ shuffle(x), zeros around
 * the image included. Sub-pixel (a, b) of the pixel (y, x) away lies (y·r + a − i, x·r + b − j) from sub-pixel (i, j), so
 *
 *   V[f·r² + i·r + j, c·r² + a·r + b, y, x] = W[f, c, y·r + a − i, x·r + b − j], 0 outside W.
 */
export function kernelBeforeShuffle<Data extends Float32Array | Float64Array>(
  { shape, data }: Kernel<Data>,
  r: number,
): Kernel<Data> {
  const [filters, channels, side] = shape as [number, number, number, number];
  const wide = sideBeforeShuffle(side, r);
  const size = filters * channels * r ** 4 * wide ** 2;
  const before = (data instanceof Float32Array ? new Float32Array(size) : new Float64Array(size)) as Data;
  for (let f = 0; f < filters; f++) {
    for (let phase = 0; phase < r * r; phase++) {
      const at = tapsOf(f * r * r + phase, phase, channels, side, r);
      const from = f * channels * side * side;
      at.forEach((to, k) => {
        before[to] = data[from + k] as number;
      });
    }
  }
  return { shape: [filters * r * r, channels * r * r, wide, wide], data: before };
}

/** The side of such a kernel. */
export const sideBeforeShuffle = (side: number, r: number): number => 2 * Math.ceil((side - 1) / 2 / r) + 1;

/** The inverse of `kernelBeforeShuffle`; undefined for a kernel that doesn't come of it. */
export function kernelBehindShuffle(kernel: Kernel, r: number): Kernel | undefined {
  const [filters, channels, wide] = kernel.shape as [number, number, number, number];
  if (filters % (r * r) !== 0 || channels % (r * r) !== 0) return undefined;
  // Several sides reach equally far; the smallest that gives the kernel is the one it was made of.
  const reach = (wide - 1) / 2;
  for (let half = Math.max(0, (reach - 1) * r + 1); half <= reach * r; half++) {
    const side = 2 * half + 1;
    const shape = [filters / r ** 2, channels / r ** 2, side, side];
    // Sub-pixel (0, 0) of each filter shows all taps.
    const data = Float32Array.from(
      Array.from({ length: filters / r ** 2 }, (_, f) => tapsOf(f * r * r, 0, channels / r ** 2, side, r)).flat(),
      (from) => kernel.data[from] as number,
    );
    if (kernelBeforeShuffle({ shape, data }, r).data.every((value, i) => value === kernel.data[i])) {
      return { shape, data };
    }
  }
  return undefined;
}

/** Where row `row` of V, of sub-pixel i · r + j = `phase`, has the taps of a filter [channels, side, side] of W. */
function tapsOf(row: number, phase: number, channels: number, side: number, r: number): number[] {
  const half = (side - 1) / 2;
  const wide = sideBeforeShuffle(side, r);
  const reach = (wide - 1) / 2;
  const taps: number[] = [];
  for (let c = 0; c < channels; c++) {
    for (let down = -half; down <= half; down++) {
      for (let right = -half; right <= half; right++) {
        const [u, v] = [Math.floor(phase / r) + down, (phase % r) + right];
        const [y, x] = [Math.floor(u / r), Math.floor(v / r)];
        const column = c * r * r + (u - y * r) * r + (v - x * r);
        taps.push(((row * channels * r * r + column) * wide + y + reach) * wide + x + reach);
      }
    }
  }
  return taps;
}
