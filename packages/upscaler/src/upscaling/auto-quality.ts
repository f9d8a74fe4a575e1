import { UsageError } from "@slimsr/core/internal/errors.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { emptyPlanes, type Planes } from "../images/planes.js";
import { type Means, noMeans, settledMeans } from "../tiling/image-means.js";
import type { Plan, Pooling } from "../tiling/plan.js";
import type { DeviceNetwork } from "./device-network.js";
import type { PixelUpscaler } from "./pixel-upscaler.js";

/** What `quality: "auto"` keeps to, one of the two. */
export interface QualityLimit {
  /** Milliseconds that an image may take. */
  readonly maxMs?: number | undefined;
  /** Images a second, at least. */
  readonly minFps?: number | undefined;
  /** Size of the images that go in, which `auto` qualities and devices are measured at; for qualities 512×512 by default. */
  readonly at?: Size | undefined;
}

const USUAL: Size = { width: 512, height: 512 };
/** Pixels along a side of what is run to know the time of a whole image, at most. */
const MEASURED = 256;
/** Of which the passes are counted that means take. */
const SMALL: Size = { width: 48, height: 48 };

/**
 * The best quality whose images are computed in time, by measuring from the best down; the lowest where none is.
 * @throws UsageError where there isn't one limit
 */
export async function chosenQuality(
  upscaler: PixelUpscaler,
  { maxMs, minFps, at = USUAL }: QualityLimit,
): Promise<number> {
  const limit = maxMs ?? 1000 / (minFps ?? Number.NaN);
  if (!(limit > 0) || (maxMs !== undefined && minFps !== undefined)) {
    throw new UsageError('quality: "auto" needs one limit above 0: maxMs or minFps');
  }
  for (const quality of upscaler.qualities) if ((await millisecondsOf(upscaler, quality, at)) <= limit) return quality;
  return upscaler.qualities.at(-1) as number;
}

/** Time of an image, from that of a part of it. */
async function millisecondsOf(upscaler: PixelUpscaler, quality: number, at: Size): Promise<number> {
  const network = await upscaler.networkOf(quality);
  const part = { width: Math.min(at.width, MEASURED), height: Math.min(at.height, MEASURED) };
  const image = grain(part, upscaler.channels);
  // The first run compiles and takes memory.
  await network.upscale(image, false, undefined);
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push((await network.upscale(image, false, undefined)).milliseconds);
  const [, median = Number.POSITIVE_INFINITY] = times.sort((a, b) => a - b);
  const plans = [network.plan(at), network.plan(part)] as const;
  const pooling = plans[0].pooling;
  const passes = pooling ? await passesFor(network, pooling, upscaler.channels) : 1;
  const [whole, measured] = plans.map((plan) => computedPixels(plan) * (plan.pooling ? passes : 1)) as [number, number];
  return (median * whole) / measured;
}

const computedPixels = ({ tiles }: Plan): number =>
  tiles.reduce((sum, { input }) => sum + input.width * input.height, 0);

/** How often an image is computed whose means are found in tiles: a small one tells, for the number doesn't depend on the size. */
async function passesFor(network: DeviceNetwork, pooling: Pooling, channels: number): Promise<number> {
  const image = grain(SMALL, channels);
  const core = { x: 0, y: 0, ...SMALL };
  let passes = 0;
  await settledMeans(noMeans(1, pooling.channels), pooling.depth, async (means) => {
    passes++;
    return (await network.upscale(image, false, undefined, { core, means })).pooled as Means;
  });
  // The last one makes the output.
  return passes + 1;
}

function grain(size: Size, channels: number): Planes {
  const image = emptyPlanes(size, channels);
  for (let i = 0; i < image.data.length; i++) image.data[i] = (i * 7919) % 251;
  return image;
}
