import { cropPixels, type Pixels, sourceInMemory } from "@slimsr/upscaler/internal/images/pixels.js";
import { bicubicPart } from "@slimsr/upscaler/internal/images/resize.js";
import type { Upscaler } from "@slimsr/upscaler/web";
import type { Calls, Cost, Measurement, ModelFile } from "../messages/calls.js";
import type { CurrentImage } from "./images.js";
import { integerModel } from "./integer-models.js";
import { loadNetwork } from "./networks.js";
import type { Context } from "./serve.js";

/** Pixels along a side of the part of the image that is measured. */
const SIDE = 256;
const RUNS = 3;

/** Measures all qualities of a model, in floats and, of one whose integers ship, in these; and bicubic interpolation. */
export async function measure(
  { network, image }: Calls["measure"]["request"],
  { signal, tell }: Context<Calls["measure"]["event"]>,
  images: CurrentImage,
): Promise<null> {
  const { source } = await images.get(image);
  const [width, height] = [Math.min(SIDE, source.width), Math.min(SIDE, source.height)];
  const x = (source.width - width) >> 1;
  const pixels = cropPixels(await source.read((source.height - height) >> 1, height), { x, y: 0, width, height });
  const first = await loadNetwork(network, undefined, pixels);
  const { scale, qualities, costs } = first.info;
  const megapixels = (width * height * scale ** 2) / 1e6;
  const row = (measured: Omit<Measurement, "rate">) =>
    tell({ ...measured, rate: (1000 * megapixels) / measured.milliseconds });
  try {
    for (const [i, quality] of qualities.entries()) {
      const milliseconds = await median(() => engineTime(first.upscaler, pixels, quality, signal));
      row({ quality, precision: "fp32", device: first.upscaler.device, milliseconds, cost: costs[i] as Cost });
    }
  } finally {
    await first.upscaler.dispose();
  }
  for (const [i, quality] of qualities.entries()) {
    const model: ModelFile | undefined = integerModel(network.model, quality);
    if (!model) continue;
    // Graphics processors have no convolutions of integers.
    const { upscaler } = await loadNetwork({ model, device: "cpu" }, undefined, pixels);
    try {
      const milliseconds = await median(() => engineTime(upscaler, pixels, undefined, signal));
      row({ quality, precision: "INT8", device: "cpu", milliseconds, cost: costs[i] as Cost });
    } finally {
      await upscaler.dispose();
    }
  }
  const milliseconds = await median(() => bicubicTime(pixels, scale, signal));
  row({ quality: undefined, precision: "bicubic", device: "cpu", milliseconds, cost: null });
  return null;
}

/** Of some runs, after one that compiles and takes memory. */
async function median(run: () => Promise<number>): Promise<number> {
  await run();
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) times.push(await run());
  return times.sort((a, b) => a - b)[RUNS >> 1] as number;
}

async function engineTime(
  upscaler: Upscaler,
  pixels: Pixels,
  quality: number | undefined,
  signal: AbortSignal,
): Promise<number> {
  let sum = 0;
  for await (const { milliseconds } of upscaler.tiles(pixels, { quality, signal })) sum += milliseconds;
  return sum;
}

async function bicubicTime(pixels: Pixels, scale: number, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  const start = performance.now();
  const whole = { x: 0, y: 0, width: pixels.width * scale, height: pixels.height * scale };
  await bicubicPart(sourceInMemory(pixels), scale, whole);
  return performance.now() - start;
}
