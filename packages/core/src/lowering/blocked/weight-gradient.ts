import type { Value } from "../../graph/index.js";
import { adjointPads, type Border, type ConvolutionGeometry, isPlain, shape4 } from "../../operators/geometry.js";
import { gather, reshape, transpose } from "../../operators/index.js";
import { around, turned } from "../../operators/planes.js";
import { permuteChunks } from "./chunks.js";
import type { Layouts } from "./layouts.js";
import { blockedConv, reorderInput, reorderOutput } from "./operators.js";

/**
 * dw[o,i,k] = Σ_{n,p} dy[n,o,p]·x[n,i,p + k − pad] is a convolution too: of x with dy as its kernel, where the samples n are
 * what is summed over as channels, the inputs i are the batch, and the kernel's taps k are the positions. In the blocked layout it
 * runs as fast as the forward pass, if the samples fill whole blocks: fewer than one are cut into strips of rows until they do.
 * Undefined where the shapes don't allow it.
 */
export function weightGradientTaps(
  layouts: Layouts,
  x: Value,
  dy: Value,
  weightShape: readonly number[],
  geometry: ConvolutionGeometry,
): Value | undefined {
  if (!isPlain(geometry)) return undefined;
  const { block } = layouts;
  const strips = stripCount(dy, block);
  if (strips === undefined) return undefined;
  const [filters, inputs] = weightShape as [number, number];
  if (filters % block === 0) {
    return taps(layouts, { image: layouts.plain(x), pads: geometry.pads }, layouts.blocked(dy), strips);
  }
  if (inputs % block !== 0) return undefined;
  // With the roles swapped, dy slides over x: the taps come out in reverse, and the channel axes swapped.
  const surround = adjointPads(geometry);
  if (surround.some((size) => size < 0)) return undefined;
  const swapped = taps(layouts, { image: layouts.plain(dy), pads: surround }, layouts.blocked(x), strips);
  return turned(transpose(swapped, [1, 0, 2, 3]));
}

/** Strips of rows that a sample is cut into so that samples × strips fill whole blocks. */
function stripCount(dy: Value, block: number): number | undefined {
  const [batch, , height] = shape4(dy);
  if (batch % block === 0) return 1;
  const strips = block / batch;
  return Number.isInteger(strips) && height % strips === 0 ? strips : undefined;
}

/** An image that is slid over, and the zeros around it. */
interface Surrounded {
  readonly image: Value;
  readonly pads: Border;
}

/**
 * The convolution of `sliding` [N, A, H + kh − 1, W + kw − 1] (NCHW, with its zeros) with the kernel `fixed` [N, B, H, W] (blocked):
 * [B, A, kh, kw] (NCHW).
 */
function taps({ block }: Layouts, sliding: Surrounded, fixed: Value, strips: number): Value {
  const [batch, fixes, kernelHeight, kernelWidth] = shape4(fixed);
  const slides = sliding.image.shape[1] as number;
  const rows = kernelHeight / strips;
  const samples = batch * strips;
  const [images, pads] =
    strips === 1
      ? samplesAsChannels(sliding, block)
      : [stripsAsChannels(sliding, strips, kernelHeight, block), NO_PADS];
  // Memory [N, B/b, strips, rows·W, b] → [B/b, blocks, rows·W, strips, N/blocks, b].
  const blocks = samples / block;
  const cut = [blocks, batch / blocks, fixes / block, strips, rows * kernelWidth];
  const kernel = reshape(permuteChunks(fixed, cut, [2, 0, 4, 3, 1], block), [fixes, samples, rows, kernelWidth]);
  const made = blockedConv(images, kernel, undefined, { pads });
  const [, , tapRows, tapColumns] = shape4(made);
  const plain = reorderOutput(made, fixes);
  return reshape(permuteChunks(plain, [slides, fixes], [1, 0], tapRows * tapColumns), [
    fixes,
    slides,
    tapRows,
    tapColumns,
  ]);
}

const NO_PADS: Border = [0, 0, 0, 0];

/** [N, A, H, W] in memory → [A, N, H, W] in the blocked layout. */
function asChannels(x: Value, [samples, slides, height, width]: ReturnType<typeof shape4>, block: number): Value {
  // Of one block, samples may as well be the channels of one image, whose rows are all A.
  const images =
    samples === block
      ? reshape(x, [1, samples, slides, height * width])
      : reshape(permuteChunks(x, [samples, slides], [1, 0], height * width), [slides, samples, height, width]);
  return reshape(reorderInput(images), [slides, samples, height, width]);
}

/**
 * [N, A, H, W] → [A, N, H, W + zeros] in the blocked layout, and the rows of zeros that are left to the convolution, which leaves them out. Columns it
 * would take one by one, so these are put in: where a row's samples lie together, for that copies long rows.
 */
function samplesAsChannels({ image, pads }: Surrounded, block: number): [Value, Border] {
  const [samples, slides, height, width] = shape4(image);
  const [top, left, bottom, right] = pads;
  const rows = reshape(asChannels(image, shape4(image), block), [slides, samples / block, height, width * block]);
  const padded = around(rows, [0, left * block, 0, right * block]);
  return [reshape(padded, [slides, samples, height, left + width + right]), [top, 0, bottom, 0]];
}

/** [N, A, H, W] → [A, strips · N, rows, W] in the blocked layout, with all zeros. */
function stripsAsChannels({ image, pads }: Surrounded, strips: number, kernelHeight: number, block: number): Value {
  const padded = around(image, pads);
  const [batch, slides, height, width] = shape4(padded);
  const rows = kernelHeight / strips;
  const extra = height - kernelHeight;
  return asChannels(gatherRows(padded, strips, rows, extra), [strips * batch, slides, rows + extra, width], block);
}

/** Strips of rows + extra rows each, overlapping by the extra ones: [N, A, H, W] → rows of [strips, N, A, rows + extra, W]. */
function gatherRows(x: Value, strips: number, rows: number, extra: number): Value {
  const [batch, channels, height, width] = shape4(x);
  const samples = batch * channels;
  const depth = rows + extra;
  const numbers = Int32Array.from({ length: strips * samples * depth }, (_, i) => {
    const strip = Math.floor(i / (samples * depth));
    return (Math.floor(i / depth) % samples) * height + strip * rows + (i % depth);
  });
  const { graph } = x;
  const shared = graph.shared(`strips ${x.shape} ${strips} ${extra}`, () => graph.constant(numbers, [numbers.length]));
  return gather(reshape(x, [samples * height, width]), shared, 0);
}
