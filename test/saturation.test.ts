import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { Graph } from "../packages/core/src/graph/index.js";
import { writeOnnx } from "../packages/core/src/onnx/index.js";
import { conv, dequantizeLinear, quantizeLinear } from "../packages/core/src/operators/index.js";
import { largestWeightCode } from "../packages/core/src/quantisation/integers.js";
import { integerParameters } from "../packages/core/src/quantisation/qdq.js";
import { BITS, hasByteProducts } from "../packages/slimsr/src/quantisation/processor.js";
import { Random } from "./support/random.js";

const [CHANNELS, SIDE, KERNEL] = [16, 8, 3];
const TAPS = KERNEL ** 2;
/** Every sum fits a byte in steps of this size. */
const STEP = 2 ** 16;

/** Filters of the largest weights of so many bits: all above zero, all below, and of signs by chance. */
function extremes(bits: number): Int8Array {
  const largest = largestWeightCode(bits);
  const random = new Random(bits);
  return Int8Array.from({ length: CHANNELS * CHANNELS * TAPS }, (_, i) => {
    const filter = Math.floor(i / (CHANNELS * TAPS));
    return largest * (filter === 0 || (filter !== 1 && random.next() < 0.75) ? 1 : -1);
  });
}

/** An image at its brightest but for some pixels. */
const image = (): Float32Array =>
  new Random(2).floats(CHANNELS * SIDE ** 2, 0, 1).map((x) => (x < 0.8 ? 255 : Math.floor(x * 255)));

/** A convolution of integers as quantised networks have it. */
function convolutionOf(codes: Int8Array): Uint8Array {
  const graph = new Graph("extremes");
  const zero = (at: number) => graph.constant(Uint8Array.of(at), []);
  const x = graph.input("x", [1, CHANNELS, SIDE, SIDE]);
  const bytes = quantizeLinear(x, graph.scalar(1), zero(0));
  const [weight, bias] = integerParameters(
    graph,
    { weight: { name: "weight", shape: [CHANNELS, CHANNELS, KERNEL, KERNEL] } },
    { codes, scales: new Float32Array(CHANNELS).fill(1), bias: new Float32Array(CHANNELS) },
    { scale: 1, zeroPoint: 0 },
    8,
  );
  const made = conv(dequantizeLinear(bytes, graph.scalar(1), zero(0)), weight, bias);
  const rounded = quantizeLinear(made, graph.scalar(STEP), zero(128));
  graph.output("y", dequantizeLinear(rounded, graph.scalar(STEP), zero(128)));
  return writeOnnx(graph);
}

/** The same by whole numbers; @param sumOfPair of two neighbouring channels' products, as a processor's instruction makes it */
function emulated(codes: Int8Array, x: Float32Array, sumOfPair: (sum: number) => number): number[] {
  const inner = SIDE - KERNEL + 1;
  return Array.from({ length: CHANNELS * inner ** 2 }, (_, i) => {
    const [filter, row, column] = [Math.floor(i / inner ** 2), Math.floor(i / inner) % inner, i % inner];
    let sum = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      const at = (row + Math.floor(tap / KERNEL)) * SIDE + column + (tap % KERNEL);
      const product = (c: number) =>
        (x[c * SIDE ** 2 + at] as number) * (codes[(filter * CHANNELS + c) * TAPS + tap] as number);
      for (let c = 0; c < CHANNELS; c += 2) sum += sumOfPair(product(c) + product(c + 1));
    }
    const code = Math.round(sum / STEP);
    return Math.max(-128, Math.min(127, code)) * STEP;
  });
}

/** Of 16 bits: VPMADDUBSW, which kernels without VNNI add products up by. */
const saturated = (sum: number): number => Math.max(-(2 ** 15), Math.min(2 ** 15 - 1, sum));
const exact = (sum: number): number => sum;

async function run(onnx: Uint8Array, precise: boolean): Promise<number[]> {
  const session = await InferenceSession.create(onnx, {
    ...{ intraOpNumThreads: 1, logSeverityLevel: 3 },
    // Kernels that make words of bytes first, and need no VNNI.
    ...(precise && { extra: { session: { x64quantprecision: "1" } } }),
  });
  try {
    const { y } = await session.run({ x: new Tensor("float32", image(), [1, CHANNELS, SIDE, SIDE]) });
    return Array.from((y as Tensor).data as Float32Array);
  } finally {
    await session.release();
  }
}

describe("weights at their extremes", () => {
  it.each([BITS.any, BITS.vnni])("of %i bits are computed right by kernels that need no VNNI", async (bits) => {
    const codes = extremes(bits);
    const wanted = emulated(codes, image(), exact);
    expect(new Set(wanted).size).toBeGreaterThan(10);
    expect(await run(convolutionOf(codes), true)).toEqual(wanted);
    if (bits === BITS.any || hasByteProducts()) expect(await run(convolutionOf(codes), false)).toEqual(wanted);
  });

  it("fit sums of 16 bits with 7 bits, and are wrong in them with 8", () => {
    const both = (bits: number) =>
      [exact, saturated].map((sumOfPair) => emulated(extremes(bits), image(), sumOfPair)) as [number[], number[]];
    const [seven, cutSeven] = both(BITS.any);
    expect(cutSeven).toEqual(seven);
    const [eight, cutEight] = both(BITS.vnni);
    const lost = eight.map((value, i) => Math.abs(value - (cutEight[i] as number)) / STEP);
    expect(Math.max(...lost)).toBeGreaterThan(20);
  });
});
