import { DeviceError, NetworkError, UsageError } from "@slimsr/core/internal/errors.js";
import type { Deployment } from "@slimsr/core/internal/export/deployment.js";
import { type FloatPlanes, resizePlanesBicubic } from "@slimsr/core/internal/images/bicubic.js";
import { channelsOf, type Planes } from "../images/planes.js";
import { type CreateSession, TiledNetwork } from "../tiling/tiled-network.js";

type Range = Deployment["range"];

/** Decibels: an output of less has nothing to do with its input, of so much more than another's is clearly nearer to it. */
export const [RESEMBLING, CLEARLY] = [10, 1] as const;
/** Root mean square difference, of 255, of outputs that are the same up to rounding. */
export const SAME = 0.1;

/** How near a network's outputs are to its inputs in each range, in dB, and how far they are from one another, of 255. */
export interface RangeComparison {
  readonly likeness: Record<Range, number>;
  readonly difference: number;
}

/**
 * Runs a network in both ranges. Its output, reduced to the input's size, is compared with the input.
 * @throws NetworkError or DeviceError where neither gives an image
 */
export async function compareRanges(
  network: Deployment,
  create: CreateSession,
  name: string,
  inputs: readonly Planes[],
  signal?: AbortSignal,
): Promise<RangeComparison> {
  const engine = await create(network.onnx, {});
  try {
    const outputsIn = async (range: Range) => {
      const tiled = await TiledNetwork.open({ ...network, range }, async () => engine, { name });
      const outputs: Planes[] = [];
      for (const input of inputs) outputs.push((await tiled.upscale(input, false, signal)).planes);
      return outputs;
    };
    const [wide, unit] = [await outputsIn(255).catch(noImage), await outputsIn(1).catch(noImage)];
    if (wide instanceof Error && unit instanceof Error) throw wide;
    const isBoth = !(wide instanceof Error || unit instanceof Error);
    const difference = isBoth ? Math.sqrt(meanSquare(wide, unit)) : Number.POSITIVE_INFINITY;
    return { likeness: { 255: likenessOf(inputs, wide), 1: likenessOf(inputs, unit) }, difference };
  } finally {
    await engine.close();
  }
}

/** The range whose output is clearly nearer to the input; undefined where that doesn't tell. */
export function clearRange({ likeness }: RangeComparison): Range | undefined {
  const better: Range = likeness[1] > likeness[255] ? 1 : 255;
  const lead = Math.abs(likeness[255] - likeness[1]);
  return likeness[better] >= RESEMBLING && lead >= CLEARLY ? better : undefined;
}

/**
 * The range of a network whose file doesn't say it, found by running it on a part of an image.
 * @throws UsageError where that doesn't tell
 */
export async function settledRange(
  network: Deployment,
  create: CreateSession,
  name: string,
  sample: Planes,
): Promise<Range> {
  const comparison = await compareRanges(network, create, name, [sample]).catch((error: unknown) => {
    if (!(error instanceof NetworkError || error instanceof DeviceError)) throw error;
    throw new UsageError(`${name} yields no image of an image: ${error.message}`, { cause: error });
  });
  if (comparison.difference <= SAME) return network.range;
  const range = clearRange(comparison);
  if (range !== undefined) return range;
  throw new UsageError(
    `${name} doesn't say whether pixel values of its images go up to 255 or 1, and running it doesn't tell; say it with range: 255 or range: 1`,
  );
}

/** A network yields no finite numbers where its range is far off. */
function noImage(error: unknown): NetworkError {
  if (error instanceof NetworkError) return error;
  throw error;
}

function likenessOf(inputs: readonly Planes[], outputs: readonly Planes[] | Error): number {
  if (outputs instanceof Error) return Number.NEGATIVE_INFINITY;
  const reduced = outputs.map((output, i): Planes => {
    const width = inputs[i]?.width ?? output.width;
    if (output.width === width) return output;
    const { data, ...size }: FloatPlanes = resizePlanesBicubic(
      { planes: channelsOf(output), ...output },
      width / output.width,
    );
    return { ...size, data: new Float32Array(data) };
  });
  return 10 * Math.log10(255 ** 2 / meanSquare(reduced, inputs));
}

function meanSquare(some: readonly Planes[], others: readonly Planes[]): number {
  let sum = 0;
  let count = 0;
  some.forEach(({ data }, i) => {
    const other = others[i]?.data ?? data;
    for (let k = 0; k < data.length; k++) sum += ((data[k] as number) - (other[k] as number)) ** 2;
    count += data.length;
  });
  return sum / count;
}
