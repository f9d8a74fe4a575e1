import { join } from "node:path";
import { inColourSpace } from "@slimsr/core/internal/images/colour.js";
import type { Size } from "@slimsr/core/internal/images/geometry.js";
import { floatPlanes } from "@slimsr/core/internal/images/planes.js";
import { colourSpaceOf, type Descriptor } from "@slimsr/core/internal/model/descriptor.js";
import { float32, type Tensor } from "@slimsr/upscaler/internal/engine/session.js";
import { EMBEDDED_IMAGES } from "../assets.js";
import { readImage } from "../images/decode.js";

/** A photograph with edges, faces and sky. */
const PHOTOGRAPH = join(EMBEDDED_IMAGES, "kodak-01.webp");

/** A photograph that comes with the package as a network takes it, mirrored where it ends. */
export async function testPicture(
  { channels, scale, range }: Pick<Descriptor, "channels" | "scale" | "range">,
  { width, height }: Size,
): Promise<Tensor> {
  const space = colourSpaceOf({ channels, scale });
  const photograph = inColourSpace(space, floatPlanes(await readImage(PHOTOGRAPH), space === "grey" ? 1 : 3));
  const data = new Float32Array(channels.input * height * width);
  let at = 0;
  for (let plane = 0; plane < channels.input; plane++) {
    for (let y = 0; y < height; y++) {
      const row = (plane * photograph.height + mirrored(y, photograph.height)) * photograph.width;
      for (let x = 0; x < width; x++) {
        data[at++] = ((photograph.data[row + mirrored(x, photograph.width)] as number) * range) / 255;
      }
    }
  }
  return float32(data, [1, channels.input, height, width]);
}

/** 0, 1, 2, 2, 1, 0, 0 … of three. */
function mirrored(index: number, size: number): number {
  const within = index % (2 * size);
  return within < size ? within : 2 * size - 1 - within;
}
