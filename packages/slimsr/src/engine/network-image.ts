import type { Deployment } from "@slimsr/core/internal/export/deployment.js";
import type { FloatPlanes } from "@slimsr/core/internal/images/bicubic.js";
import { inColourSpace, withBicubicChroma } from "@slimsr/core/internal/images/colour.js";
import type { Image } from "@slimsr/core/internal/images/image.js";
import { imageFromPlanes } from "@slimsr/core/internal/images/planes.js";
import { colourSpaceOf } from "@slimsr/core/internal/model/descriptor.js";
import type { TiledNetwork, Upscaled } from "@slimsr/upscaler/internal/tiling/tiled-network.js";

/** What a network made of an image. */
export interface Made extends Omit<Upscaled, "planes"> {
  /** As it is written: 8 bits, RGB, or grey of a network of grey images. */
  readonly image: Image;
}

/**
 * Runs a network as it is used: one of luma on Y, with chroma enlarged by bicubic.
 * @param input planes of an image in 0..255, red, green and blue, or grey; it is left as it is
 * @throws as `TiledNetwork.upscale`
 */
export async function networkImage(
  upscaler: TiledNetwork,
  network: Pick<Deployment, "channels" | "scale">,
  input: FloatPlanes,
  ensemble = false,
  signal?: AbortSignal,
): Promise<Made> {
  const space = colourSpaceOf(network);
  const { width, height, data } = inColourSpace(space, input);
  const image = { width, height, data: new Float32Array(data) };
  const { planes: made, ...rest } = await upscaler.upscale(image, ensemble, signal);
  const planes = { planes: network.channels.output, ...made };
  const shown = space === "luma" ? withBicubicChroma(planes, input) : planes;
  return { image: imageFromPlanes(shown.data, shown.width, shown.height), ...rest };
}
