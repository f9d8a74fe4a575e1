import type { Value } from "../../graph/index.js";
import { adjointPads, type ConvolutionGeometry, isPlain, shape4 } from "../../operators/geometry.js";
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
    return taps(layouts, around(layouts.plain(x), geometry.pads), layouts.blocked(dy), strips);
  }
  if (inputs % block !== 0) return undefined;
  // With the roles swapped, dy slides over x: the taps come out in reverse, and the channel axes swapped.
  const surround = adjointPads(geometry);
  if (surround.some((size) => size < 0)) return undefined;
  const swapped = taps(layouts, around(layouts.plain(dy), surround), layouts.blocked(x), strips);
  return turned(transpose(swapped, [1, 0, 2, 3]));
}

/** Strips of rows that a sample is cut into so that samples × strips fill whole blocks. */
function stripCount(dy: Value, block: number): number | undefined {
  const [batch, , height] = shape4(dy);
  if (batch % block === 0) return 1;
  const strips = block / batch;
  return Number.isInteger(strips) && height % strips === 0 ? strips : undefined;
}

/**
 * The convolution of `sliding` [N, A, H + kh − 1, W + kw − 1] (NCHW) with the kernel `fixed` [N, B, H, W] (blocked):
 * [B, A, kh, kw] (NCHW).
 */
function taps({ block }: Layouts, sliding: Value, fixed: Value, strips: number): Value {
  const [batch, slides, height, width] = shape4(sliding);
  const [, fixes, kernelHeight, kernelWidth] = shape4(fixed);
  const rows = kernelHeight / strips;
  const extra = height - kernelHeight;
  const depth = rows + extra;
  const samples = batch * strips;
  const blocks = samples / block;
  const stripped = strips === 1 ? sliding : gatherRows(sliding, strips, rows, extra);
  // [A, N·strips] in blocks of samples: of one block, samples may as well be the channels of one image, whose rows are all A.
  const images =
    blocks === 1
      ? reorderInput(reshape(stripped, [1, block, slides, depth * width]))
      : reorderInput(
          reshape(permuteChunks(stripped, [samples, slides], [1, 0], depth * width), [slides, samples, depth, width]),
        );
  // Memory [N, B/b, strips, rows·W, b] → [B/b, blocks, rows·W, strips, N/blocks, b].
  const cut = [blocks, batch / blocks, fixes / block, strips, rows * kernelWidth];
  const kernel = reshape(permuteChunks(fixed, cut, [2, 0, 4, 3, 1], block), [fixes, samples, rows, kernelWidth]);
  const made = blockedConv(reshape(images, [slides, samples, depth, width]), kernel, undefined, { pads: [0, 0, 0, 0] });
  const [, , tapRows, tapColumns] = shape4(made);
  const plain = reorderOutput(made, fixes);
  return reshape(permuteChunks(plain, [slides, fixes], [1, 0], tapRows * tapColumns), [
    fixes,
    slides,
    tapRows,
    tapColumns,
  ]);
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
