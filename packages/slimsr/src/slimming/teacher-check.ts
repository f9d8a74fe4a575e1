import { NetworkError, SlimsrError } from "@slimsr/core/internal/errors.js";
import { type Deployment, deploy } from "@slimsr/core/internal/export/deployment.js";
import { resizeBicubic } from "@slimsr/core/internal/images/bicubic.js";
import { type Image, to8Bit } from "@slimsr/core/internal/images/image.js";
import { type PsnrOptions, psnr } from "@slimsr/core/internal/metrics/psnr.js";
import { type Model, nameOf, networkModel } from "@slimsr/core/internal/model/model.js";
import { architectureOf } from "@slimsr/core/internal/networks/index.js";
import { createSession } from "@slimsr/upscaler/internal/node/session.js";
import { TiledNetwork } from "@slimsr/upscaler/internal/tiling/tiled-network.js";
import type { ImagePair } from "../calibration/patches.js";
import { networkImage } from "../engine/network-image.js";
import { flagOf } from "../text/expectation.js";

/** How many patches, or centres of images, tell a teacher that is none, and LR pixels along their sides. */
export const CHECKED = { count: 8, side: 32 } as const;

/** Decibels by which another range must be better to be named as the likely one. */
const CLEARLY = 1;

/**
 * Refuses a teacher that is worth less than bicubic interpolation, or than its input where it restores images, before work is done on
 * it: mostly it is run with another range or other options than it was trained with.
 * @throws NetworkError naming the likely cause
 */
export async function requireAboveBaseline(teacher: Model, pairs: readonly ImagePair[]): Promise<void> {
  const { scale } = teacher.descriptor;
  const metric = metricOf(teacher.descriptor);
  const baseline = pooledPsnr(
    pairs,
    pairs.map(({ lr }) => (scale === 1 ? to8Bit(lr) : resizeBicubic(to8Bit(lr), scale))),
    metric,
  );
  const own = await psnrOn(deploy(teacher), nameOf(teacher), pairs);
  if (own >= baseline) return;
  const other = inOtherRange(teacher);
  const otherwise = await psnrOn(deploy(other.model), nameOf(teacher), pairs).catch((error: unknown) => {
    if (error instanceof SlimsrError) return own;
    throw error;
  });
  const likely =
    otherwise > own + CLEARLY
      ? `with --range ${other.range} it reaches ${otherwise.toFixed(2)} dB: give that`
      : `check ${unsaidOptions(teacher)}, and that it was trained to undo ${scale === 1 ? "this degradation" : "bicubic reduction"}`;
  const [worse, has] = scale === 1 ? ["its input", "the input"] : ["bicubic interpolation", "bicubic"];
  throw new NetworkError(
    `${nameOf(teacher)} is worse than ${worse}: it reaches ${own.toFixed(2)} dB where ${has} has ${baseline.toFixed(2)}; ${likely}. ` +
      "A network that is meant to be so, as one trained for looks, is taken with --below-bicubic",
  );
}

/** Pixels at each side of a crop that a network may make something else of than of the whole image, for what it sees beyond is padding. */
const EDGE = CHECKED.side / 4;

/** What PSNR is of: the field's, of Y without a border, for super-resolution; of all but the crop's edge for restoration. */
const metricOf = ({ scale }: Pick<Deployment, "scale">): PsnrOptions =>
  scale === 1 ? { colour: "rgb", border: EDGE } : { colour: "y", border: scale };

/** The model as if it had been trained on images of the other range. */
function inOtherRange(model: Model): { model: Model; range: 255 | 1 } {
  const { descriptor, parameters } = model;
  const { origin } = descriptor;
  const before = origin.kind === "network" ? origin.network.range : descriptor.range;
  const range = before === 255 ? 1 : 255;
  if (origin.kind === "network") return { model: networkModel({ ...origin.network, range }, parameters), range };
  return { model: { ...model, descriptor: { ...descriptor, range } }, range };
}

/** "--range and --res-scale": what a file may leave unsaid. */
function unsaidOptions({ descriptor: { origin } }: Model): string {
  const own = origin.kind === "network" ? architectureOf(origin.network).overrides : [];
  const flags = ["range", ...own].map(flagOf);
  return new Intl.ListFormat("en-GB").format(flags);
}

/** PSNR of a network's outputs on patches, in dB. @param name what errors call it */
export async function psnrOn(network: Deployment, name: string, pairs: readonly ImagePair[]): Promise<number> {
  const upscaler = await TiledNetwork.open(network, createSession, { name });
  try {
    const outputs: Image[] = [];
    for (const { input } of pairs) outputs.push((await networkImage(upscaler, network, input)).image);
    return pooledPsnr(pairs, outputs, metricOf(network));
  } finally {
    await upscaler.close();
  }
}

/** PSNR of all images' mean squared error, so that smooth ones, where all is well, don't outweigh the others. */
function pooledPsnr(pairs: readonly ImagePair[], outputs: readonly Image[], metric: PsnrOptions): number {
  const errors = pairs.map(({ hr }, i) => 10 ** (-psnr(outputs[i] as Image, to8Bit(hr), metric) / 10));
  return -10 * Math.log10(errors.reduce((sum, error) => sum + error, 0) / errors.length);
}
